"""The client of the site's agent websocket: it holds the lease, reports events and receives commands."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp

from agent.site.connection import Outgoing, SiteConnection
from agent.site.frames import (
    Ack,
    AgentConfig,
    History,
    HistoryAnswer,
    SessionAccess,
    SessionEnded,
    SessionStarted,
    SiteFrame,
    StaffCommand,
    Welcome,
)
from agent.site.job_metadata import JobMetadata

logger = logging.getLogger(__name__)

BACK_OFF = (0.2, 0.5, 1, 2, 4)  # seconds before the next attempt to connect; the last one repeats
FLUSH_TIMEOUT = 3.0  # seconds
HISTORY_TIMEOUT = 3.0  # seconds
MAX_COMMANDS = 32  # waiting
FINAL_CODES = frozenset({4401, 4404, 4409})  # the site's close codes after which reconnecting is useless


class SiteClient:
    """Connects, and reconnects until `ended`. The caller runs `run` as a task.

    `welcomed`, `started` and `ended` are set at most once; `welcomed` and `started` never after `ended`.
    """

    def __init__(self, job: JobMetadata, job_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._session = job.session
        self._outgoing = Outgoing()
        self._connection = SiteConnection(job, job_id, self._outgoing, self._handle)
        self._was_welcomed = False  # on the current connection
        self._acked = asyncio.Event()
        self.welcomed: asyncio.Future[AgentConfig] = loop.create_future()
        self.started: asyncio.Future[SessionAccess] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.commands: asyncio.Queue[object] = asyncio.Queue(MAX_COMMANDS)  # of staff, not validated

    def report(self, kind: str, payload: Mapping[str, Any] | None = None, direction: str = "in") -> None:
        """Have the site store an event: one of FULL mode's, or of the agent's own (docs/protocol.md)."""
        self._outgoing.outbox.put(kind, payload or {}, direction)
        self._outgoing.changed.set()

    def set_state(self, state: str) -> None:
        """Tell the site what the agent does: livekit-agents' agent state."""
        self._outgoing.state = state
        self._outgoing.changed.set()

    async def fetch_history(self) -> History:
        """Return the turns so far, as the site has them now. Raises TimeoutError."""
        answer: asyncio.Future[History] = asyncio.get_running_loop().create_future()
        self._outgoing.history = answer
        self._outgoing.changed.set()
        async with asyncio.timeout(HISTORY_TIMEOUT):
            return await answer

    async def flush(self) -> None:
        """Wait until all reported events are stored, at most FLUSH_TIMEOUT."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT):
                while self._outgoing.outbox:
                    self._acked.clear()
                    await self._acked.wait()

    def end(self, reason: str) -> None:
        """Stop: the session is over, or another agent holds the lease."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def run(self) -> None:
        """Keep a connection to the site until `ended`."""
        failures = 0  # connections in a row without a welcome
        async with aiohttp.ClientSession() as http:
            while not self.ended.done():
                self._was_welcomed = False
                cause = await self._connect_once(http)
                if self.ended.done():
                    return
                failures = 0 if self._was_welcomed else failures + 1
                pause = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                logger.warning(
                    "session %.8s: connection to the site lost: %s; reconnecting in %g s",
                    self._session,
                    cause,
                    pause,
                )
                await asyncio.wait({self.ended}, timeout=pause)

    async def _connect_once(self, http: aiohttp.ClientSession) -> str:
        """Hold one connection; return why it is lost, without its URL."""
        try:
            code = await self._connection.run(http, self.ended)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return str(getattr(error, "status", "") or type(error).__name__)
        except ValueError as error:
            return f"unreadable frame ({type(error).__name__})"
        if code in FINAL_CODES:
            self.end(f"the site closed the connection ({code})")
        return f"closed by the site ({code})"

    def _handle(self, frame: SiteFrame) -> None:
        match frame:
            case Welcome():
                self._was_welcomed = True
                self._outgoing.outbox.resend_after(frame.ack)
                if not self.welcomed.done():
                    self.welcomed.set_result(frame)
                if frame.start is not None:
                    self._set_started(frame.start)
            case SessionStarted():
                self._set_started(frame.start)
            case Ack():
                self._outgoing.outbox.acknowledge(frame.ack)
                self._acked.set()
            case HistoryAnswer():
                request = self._outgoing.history
                if request is not None and not request.done():
                    request.set_result(frame.history)
            case SessionEnded():
                self.end(frame.reason)
            case StaffCommand():
                self._put_command(frame.command)

    def _put_command(self, command: object) -> None:
        try:
            self.commands.put_nowait(command)
        except asyncio.QueueFull:
            logger.warning("session %.8s: too many staff commands; one dropped", self._session)

    def _set_started(self, access: SessionAccess) -> None:
        if not self.started.done():
            self.started.set_result(access)
