"""A running session with its room, its worker and its timers."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import WSCloseCode

from simulator import refusals
from simulator.credits import Credits
from simulator.event_log import EventLog
from simulator.history import History
from simulator.media_connection import ABNORMAL
from simulator.media_socket import MediaSockets
from simulator.rooms import Rooms, RoomsUnavailable
from simulator.session import EndReason, Session, State
from simulator.session_faults import SessionFaults
from simulator.worker import Report, Worker, WorkerFailed
from simulator.workers import Workers
from simulator.world import now

logger = logging.getLogger(__name__)

# Close codes of the media websocket. All other reasons close with 1000, so that clients do not reconnect.
CLOSE_CODES = {EndReason.SERVER_ERROR: WSCloseCode.INTERNAL_ERROR}


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations in seconds.

    `duration` runs from the moment the avatar is in the room, `idle` from the last speech, command or keep-alive,
    `start` from the request. `grace` is the time an avatar process has to leave.
    """

    duration: float
    idle: float
    start: float
    grace: float
    billing_minute: float


class RunningSession:
    """Runs one session from its start until all its resources are released.

    One task owns the resources. `end` may be called at any time; only the first call counts. A failed start puts the
    session back to CREATED, so that the client can try again. Stopping a session during its start ends it. The caller
    has charged the first minute; it is refunded if the avatar does not join.
    """

    def __init__(
        self,
        session: Session,
        command: dict[str, Any],
        *,
        rooms: Rooms,
        sockets: MediaSockets,
        workers: Workers,
        credits: Credits,
        log: EventLog,
        history: History,
        faults: SessionFaults,
        price: Decimal,
        limits: Limits,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.session = session
        self.media = sockets.open(self.order) if session.config.mode == "LITE" else None
        self._command = command
        self._rooms = rooms
        self._workers = workers
        self._credits = credits
        self._log = log
        self._history = history
        self._faults = faults
        self._price = price
        self._limits = limits
        self._failure = "the session ended"
        self._worker: Worker | None = None
        self._worker_lost = False
        self._listening: asyncio.Task[None] | None = None
        self._clocks: dict[EndReason, asyncio.TimerHandle] = {}
        self._joined: asyncio.Future[None] = loop.create_future()
        self._active: asyncio.Future[None] = loop.create_future()
        self._ending: asyncio.Future[EndReason] = loop.create_future()
        session.move(State.STARTING)
        history.record(session)
        self.task = asyncio.create_task(self._run())

    async def started(self) -> None:
        """Wait until the avatar is in the room. Raises Refusal if the start fails or is stopped."""
        await _first_of(self.task, self._active)
        if self._active.done():
            return
        if self._ending.done() and self._ending.result() is not EndReason.SERVER_ERROR:
            raise refusals.bad_state("The session was stopped while it was starting")
        raise refusals.start_failed(self._failure)

    def end(self, reason: EndReason) -> None:
        """Begin to end the session. Only the first call counts."""
        if not self._ending.done():
            self._ending.set_result(reason)

    async def ended(self) -> None:
        """Wait until the session has released all its resources."""
        await asyncio.wait({self.task})

    def stir(self) -> None:
        """Reset the idle timer."""
        if EndReason.IDLE_TIMEOUT in self._clocks:
            self._set_clock(EndReason.IDLE_TIMEOUT, self._limits.idle)

    async def order(self, do: str, **members: Any) -> None:
        """Send a command to the session's worker. Raises WorkerFailed if there is none or its stdin is closed."""
        if self._worker is None:
            raise WorkerFailed("there is no avatar worker yet")
        await self._worker.send({"do": do, **members})

    def limit(self, seconds: float) -> None:
        """Replace the time that is left: end with MAX_DURATION_REACHED after `seconds`."""
        if self._active.done() and not self._ending.done():
            self._set_clock(EndReason.MAX_DURATION_REACHED, seconds)

    @property
    def remaining(self) -> float | None:
        """Seconds until the session ends with MAX_DURATION_REACHED; None while that timer is not running."""
        clock = self._clocks.get(EndReason.MAX_DURATION_REACHED)
        return max(0.0, clock.when() - asyncio.get_running_loop().time()) if clock else None

    def drop_socket(self, code: int = ABNORMAL) -> None:
        """Disconnect the client of the media websocket. 1006 closes TCP without a closing handshake."""
        if self.media is not None:
            self.media.drop(code)

    def crash(self) -> None:
        """Kill the worker with SIGKILL."""
        self._signal(signal.SIGKILL)

    def suspend(self) -> None:
        """Pause the worker process with SIGSTOP until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the worker after `suspend`."""
        self._signal(signal.SIGCONT)

    async def _run(self) -> None:
        try:
            await self._unless_ended(self._begin())
            if not self._ending.done():
                self._activate()
                await self._leave(await self._ending)
        except (WorkerFailed, RoomsUnavailable) as error:
            logger.warning("session %s could not start: %s", self.session.id, error)
            self._failure = str(error)
        finally:
            await self._clear()

    async def _unless_ended(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        try:
            await _first_of(task, self._ending)
        finally:
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(outcome, BaseException) and not self._ending.done():
            raise outcome

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(self._limits.start):
                if self._is_hosted:
                    await self._rooms.create(self.session.id, self._limits.start + self._limits.duration)
                self._worker = await self._workers.take()
                self._listening = asyncio.create_task(self._listen(self._worker))
                await self._worker.send(self._command)
                self._faults.begin(self)
                await _first_of(self._joined, self._listening)
                if self._worker_lost:
                    raise WorkerFailed(await self._worker.obituary())
        except TimeoutError:
            raise WorkerFailed(f"the avatar was not in the room within {self._limits.start:g} s") from None

    def _activate(self) -> None:
        self.session.started_at = now()
        self.session.credits_consumed = self._price
        self.session.move(State.ACTIVE)
        self._history.record(self.session)
        self._log.record(self.session.id, "note", "session", "started")
        self._set_clock(EndReason.MAX_DURATION_REACHED, self._limits.duration)
        self._set_clock(EndReason.IDLE_TIMEOUT, self._limits.idle)
        self._set_billing_clock()
        self._active.set_result(None)
        self._faults.activate(self)
        self._workers.refill()
        if self._worker_lost:
            self.end(EndReason.SERVER_ERROR)

    async def _listen(self, worker: Worker) -> None:
        while (report := await worker.report()) is not None:
            self._note(report)
        self._worker_lost = True
        if self._active.done() and not self._ending.done():
            self.end(EndReason.SERVER_ERROR)
            logger.error("session %s: %s", self.session.id, await worker.obituary())

    def _note(self, report: Report) -> None:
        match report.kind:
            case "ready" if not self._joined.done():
                self._joined.set_result(None)
            case "activity":
                self.stir()
            case "transcript" if report.line is not None:
                self.session.transcript.append(report.line)
                self._history.say(self.session, report.line)
            case "event":
                self._log.record(
                    self.session.id,
                    report.members["direction"],
                    report.members.get("channel", "data"),
                    report.members["name"],
                    report.members["message"],
                )
            case "media" if self.media is not None:
                self.media.send(report.members["connection"], report.members["frame"])
            case "failed":
                logger.error("session %s: the avatar worker failed: %s", self.session.id, report.why)
            case _:
                self._log.record(self.session.id, "note", "worker", report.kind, report.members)

    async def _leave(self, reason: EndReason) -> None:
        assert self._worker is not None
        self._stop_clocks()
        self.session.end(reason)
        self._history.record(self.session)
        self._log.record(self.session.id, "note", "session", "ended", {"reason": reason})
        logger.info("session %s ends: %s", self.session.id, reason)
        lost = self._worker_lost
        announced = await self._worker.stop(reason, self._limits.grace)
        if self.session.config.mode == "LITE" or (announced and not lost):
            return  # In LITE the state event and the close of the websocket announce the end, both sent elsewhere.
        try:
            await self._rooms.announce_end(self.session.id, reason)
        except RoomsUnavailable as error:
            logger.warning("session %s: %s", self.session.id, error)

    async def _clear(self) -> None:
        self._stop_clocks()
        await self._faults.release(self.session.id)
        if self._worker is not None:
            await self._worker.kill()
        if self._listening is not None:
            # Read its last reports. A time limit, because a child of the worker may hold the pipe open.
            await asyncio.wait({self._listening}, timeout=1)
            self._listening.cancel()
        if self.media is not None:
            reason = self._ending.result() if self._ending.done() else EndReason.SERVER_ERROR
            await self.media.close(CLOSE_CODES.get(reason, WSCloseCode.OK), reason)
        if self._is_hosted:
            await self._delete_room()
        if not self._active.done():
            self._credits.refund(self._price)
            self._workers.refill()
            if self._ending.done():
                self.session.end(self._ending.result())
            else:
                self.session.move(State.CREATED)
            self._history.record(self.session)

    @property
    def _is_hosted(self) -> bool:
        """Whether the simulator opens and deletes the room; False for a customer's own room."""
        return self.session.config.room is None

    async def _delete_room(self) -> None:
        try:
            await self._rooms.delete(self.session.id)
        except RoomsUnavailable as error:
            logger.warning("session %s: %s", self.session.id, error)

    def _signal(self, number: signal.Signals) -> None:
        if self._worker is not None and not self._worker.has_exited:
            os.kill(self._worker.pid, number)

    def _stop_clocks(self) -> None:
        for clock in self._clocks.values():
            clock.cancel()
        self._clocks.clear()

    def _set_clock(self, reason: EndReason, seconds: float) -> None:
        if reason in self._clocks:
            self._clocks[reason].cancel()
        self._clocks[reason] = asyncio.get_running_loop().call_later(seconds, self.end, reason)

    def _set_billing_clock(self) -> None:
        loop = asyncio.get_running_loop()
        self._clocks[EndReason.NO_CREDITS] = loop.call_later(self._limits.billing_minute, self._bill)

    def _bill(self) -> None:
        if self._credits.charge(self._price):
            self.session.credits_consumed += self._price
            self._history.record(self.session)
            self._set_billing_clock()
        else:
            self.end(EndReason.NO_CREDITS)


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
