"""The media websocket of a CUSTOM session: our sound goes out, the avatar's events come in.

Protocol: LiveAvatar docs, lite-mode events. This needs no other part of the project: any pipeline that has PCM can make
an avatar speak with it.

async with MediaSocket(started.ws_url) as avatar:
    utterance = await avatar.say(pcm)            # 24 kHz, mono, signed 16-bit; see `liveavatar.pcm` for others
    await utterance.done                         # PLAYED, CUT, LOST or REFUSED
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from liveavatar.media_connection import MediaConnection, MediaSocketError
from liveavatar.media_events import TALKING, AvatarState, Notice, SessionState, SpeechEvent, parse_frame
from liveavatar.pace import Pace
from liveavatar.pcm_check import Fault, Finding
from liveavatar.utterance import OpenUtterances, Outcome, Utterance
from liveavatar.utterance_stream import UtteranceStream

__all__ = ["MediaSocket", "MediaSocketError", "Outcome", "Pace", "Utterance", "UtteranceStream"]

logger = logging.getLogger(__name__)


class MediaSocket:
    """Speaks through the avatar and follows what becomes of each utterance. Belongs to one event loop.

    A connection that drops is opened again on the same URL, after 0.5, 1, 2, 4 and 8 s. An utterance that was open then
    is LOST and not repeated. `over` is set when the vendor has ended the session, or cannot be reached any more.
    """

    def __init__(
        self,
        url: str,
        *,
        pace: Pace | None = None,
        retry_after: tuple[float, ...] = (0.5, 1, 2, 4, 8),
        on_notice: Callable[[Notice], None] | None = None,
        on_sound_fault: Callable[[Finding], None] | None = None,
    ) -> None:
        """`on_notice` gets the vendor's errors and warnings. `on_sound_fault` gets what is wrong with the sound that is
        to be sent, each fault once. Both are logged as well.
        """
        self._pace = pace or Pace()
        self._connection = MediaConnection(
            url, self._pace, retry_after, on_frame=self._apply, on_drop=self._lose_utterances
        )
        self._on_notice = on_notice
        self._on_sound_fault = on_sound_fault
        self._sound_faults: set[Fault] = set()
        self._ready = asyncio.Event()
        self._utterances = OpenUtterances(self._pace.overdue)
        self._has_speech_events = False

    def __repr__(self) -> str:
        return f"<MediaSocket {'connected' if self._connection.is_connected else 'not connected'}>"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def over(self) -> asyncio.Future[str]:
        """Why the session is over, once it is."""
        return self._connection.over

    async def open(self) -> None:
        """Connect and wait until the session is ready, or for `pace.ready`. Raises MediaSocketError."""
        try:
            await self._connection.open()
            await self._wait_until_ready()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection. The session runs until it is stopped (LiveAvatar docs, lite-mode lifecycle)."""
        self._connection.end("we closed it")
        self._utterances.end_all(Outcome.CUT)
        await self._connection.close()

    async def say(self, pcm: bytes) -> Utterance:
        """Send a whole utterance: 24 kHz mono signed 16-bit PCM."""
        stream = self.utterance()
        await stream.send(pcm)
        await stream.seal()
        return stream.utterance

    def utterance(self) -> UtteranceStream:
        """Begin an utterance that is sent in pieces.

        Send one utterance at a time. It may be sent faster than it is heard.
        """
        return UtteranceStream(self, self._pace, self._report_fault)

    async def interrupt(self) -> None:
        """Silence the avatar. The vendor drops what it has not played, and every open utterance is CUT at once."""
        event_id = str(uuid4())
        self._utterances.ignore(event_id)
        self._utterances.end_all(Outcome.CUT)
        await self.send({"type": "agent.interrupt", "event_id": event_id})

    async def start_listening(self) -> None:
        """Have the avatar take its listening pose."""
        await self.send({"type": "agent.start_listening", "event_id": str(uuid4())})

    async def stop_listening(self) -> None:
        """Have the avatar take its idle pose."""
        await self.send({"type": "agent.stop_listening", "event_id": str(uuid4())})

    async def begin(self, utterance: Utterance) -> None:
        """Register an utterance and wait for a session that can play it (for `UtteranceStream`)."""
        self._utterances.add(utterance)
        await self._wait_until_ready()
        if not self._connection.is_connected or self.over.done():
            self._utterances.end(utterance, Outcome.LOST)

    async def send(self, message: Mapping[str, object]) -> bool:
        """Send one command. Return False when there is no connection (for `UtteranceStream`)."""
        return await self._connection.send(message)

    def expect_end(self, utterance: Utterance) -> None:
        """Bound the wait for the end of an utterance that was sent whole (for `UtteranceStream`)."""
        self._utterances.expect_end(utterance)

    async def _wait_until_ready(self) -> None:
        if self.over.done() or self._ready.is_set():
            return
        ready = asyncio.create_task(self._ready.wait())
        changes: set[asyncio.Future[Any]] = {ready, self.over}
        try:
            await asyncio.wait(changes, timeout=self._pace.ready, return_when="FIRST_COMPLETED")
        finally:
            ready.cancel()
        if self._connection.is_connected and not self._ready.is_set():
            logger.warning(
                'media websocket: no "connected" within %g s; sound is sent anyway', self._pace.ready
            )
            self._ready.set()

    def _lose_utterances(self) -> None:
        self._ready.clear()
        self._utterances.end_all(Outcome.LOST)

    def _apply(self, frame: str) -> None:
        match parse_frame(frame):
            case SessionState() as session if session.is_ready:
                self._ready.set()
            case SessionState() as session if session.is_over:
                self._utterances.end_all(Outcome.CUT)
                self._connection.end(f"the vendor says {session.state}")
            case SpeechEvent() as event:
                self._has_speech_events = True
                self._utterances.apply(event)
            case AvatarState(state) if not self._has_speech_events:
                self._utterances.apply_talking(state == TALKING)
            case Notice() as notice:
                self._report_notice(notice)

    def _report_notice(self, notice: Notice) -> None:
        log = logger.error if notice.is_error else logger.warning
        log("media websocket: the vendor reports %s: %s", notice.kind, notice.words)
        if self._on_notice is not None:
            self._on_notice(notice)

    def _report_fault(self, finding: Finding) -> None:
        if finding.fault in self._sound_faults:
            return
        self._sound_faults.add(finding.fault)
        logger.warning("media websocket: the sound is wrong: %s", finding)
        if self._on_sound_fault is not None:
            self._on_sound_fault(finding)
