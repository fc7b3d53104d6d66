"""The media websocket of a CUSTOM session: our sound out, the avatar's news in (LiveAvatar docs, lite-mode events).

It stands by itself: any pipeline that has PCM can make an avatar speak with it.

async with MediaSocket(started.ws_url) as avatar:
    utterance = await avatar.say(pcm)            # 24 kHz, mono, signed 16-bit; see `liveavatar.pcm` for others
    await utterance.done                         # PLAYED, CUT, LOST or REFUSED
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp

from liveavatar.media_events import TALKING, Condition, Notice, Pose, Speech, parse_frame
from liveavatar.pcm_check import Fault, Finding
from liveavatar.utterance import OpenUtterances, Outcome, Utterance
from liveavatar.utterance_stream import Pace, UtteranceStream

__all__ = ["MediaSocket", "MediaSocketError", "Outcome", "Pace", "Utterance", "UtteranceStream"]

logger = logging.getLogger(__name__)

GONE = frozenset({401, 403, 404, 410})  # answers to a handshake that no repetition changes
FAREWELL = 1.0  # seconds for the closing handshake
LONGEST_FRAME = 4 << 20  # bytes that we take; the service sends a few hundred


class MediaSocketError(Exception):
    """The socket could not be opened. The text never holds its URL, which is a secret."""


class MediaSocket:
    """Connects, stays connected, and keeps the utterances apart. Not for several event loops.

    A connection that drops is made again on the same URL, after 0.5, 1, 2, 4 and 8 s; what was being said then is
    LOST and not repeated. `over` is set when the service has ended the session, or cannot be reached any more.
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
        """`on_notice` is told the service's errors and warnings, `on_sound_fault` what is wrong with the sound that
        is to be sent, each fault once. Both are logged as well.
        """
        self._url = url
        self._pace = pace or Pace()
        self._retry_after = retry_after
        self._on_notice = on_notice
        self._on_sound_fault = on_sound_fault
        self._sound_faults: set[Fault] = set()
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._ready = asyncio.Event()
        self._utterances = OpenUtterances()
        self._speech_is_told = False
        self._last_sent = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<MediaSocket {'connected' if self._socket else 'not connected'}>"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect and wait until the session is ready, or for `pace.ready`. Raises MediaSocketError."""
        self._http = aiohttp.ClientSession()
        try:
            await self._connect()
            self._tasks = [
                asyncio.create_task(self._live(), name="media socket"),
                asyncio.create_task(self._keep_alive(), name="media keep-alive"),
            ]
            await self._until_ready()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; the session goes on until it is stopped (LiveAvatar docs, lite-mode lifecycle)."""
        self._end("we closed it")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._utterances.end_all(Outcome.CUT)
        await self._hang_up()
        if self._http is not None:
            await self._http.close()

    async def say(self, pcm: bytes) -> Utterance:
        """A whole utterance at once: 24 kHz mono signed 16-bit PCM."""
        stream = self.utterance()
        await stream.send(pcm)
        await stream.seal()
        return stream.utterance

    def utterance(self) -> "UtteranceStream":
        """An utterance to be sent in pieces. One is sent at a time; it may be sent faster than it is heard."""
        return UtteranceStream(self, self._pace, self._note_fault)

    async def interrupt(self) -> None:
        """Silence now: what was sent and not heard is dropped, and every open utterance is CUT at once."""
        event_id = str(uuid4())
        self._utterances.ignore(event_id)
        self._utterances.end_all(Outcome.CUT)
        await self.send({"type": "agent.interrupt", "event_id": event_id})

    async def start_listening(self) -> None:
        """Have the avatar look like somebody who listens."""
        await self.send({"type": "agent.start_listening", "event_id": str(uuid4())})

    async def stop_listening(self) -> None:
        """Back to its idle pose."""
        await self.send({"type": "agent.stop_listening", "event_id": str(uuid4())})

    async def begin(self, utterance: Utterance) -> None:
        """Of `utterance_stream.Wire`: register it, and wait for a session that can hear it."""
        self._utterances.add(utterance)
        await self._until_ready()
        if self._socket is None or self.over.done():
            self._utterances.end(utterance, Outcome.LOST)

    async def send(self, message: dict[str, Any]) -> bool:
        """Of `utterance_stream.Wire`: one command. False when there is no connection to send it over."""
        async with self._sending:
            if self._socket is None or self.over.done():
                return False
            try:
                async with asyncio.timeout(self._pace.connect):
                    await self._socket.send_str(json.dumps(message))
            except (ConnectionError, aiohttp.ClientError):
                return False
            except TimeoutError:
                logger.warning(
                    "the service has not read for %g s: the connection is given up", self._pace.connect
                )
                await self._hang_up()
                return False
            self._last_sent = asyncio.get_running_loop().time()
            return True

    def expect_end(self, utterance: Utterance) -> None:
        """Of `utterance_stream.Wire`: it was sent; whoever waits for its end must not wait for ever."""
        self._look_again(utterance, utterance.seconds + self._pace.overdue)

    def _look_again(self, utterance: Utterance, seconds: float) -> None:
        look = asyncio.get_running_loop().call_later(seconds, self._miss, utterance)
        utterance.done.add_done_callback(lambda _: look.cancel())

    def _miss(self, utterance: Utterance) -> None:
        """Give it up when the service has had the time to play it, and has not told its end."""
        now, patience = asyncio.get_running_loop().time(), self._pace.overdue
        if self._utterances.oldest is not utterance:
            self._look_again(utterance, patience)
        elif (left := utterance.due(now) + patience - now) > 0.01:
            self._look_again(utterance, left)
        else:
            logger.warning("the avatar did not tell the end of an utterance of %.1f s", utterance.seconds)
            self._utterances.end(utterance, Outcome.LOST)

    async def _until_ready(self) -> None:
        if self.over.done() or self._ready.is_set():
            return
        ready = asyncio.create_task(self._ready.wait())
        news: set[asyncio.Future[Any]] = {ready, self.over}
        try:
            await asyncio.wait(news, timeout=self._pace.ready, return_when="FIRST_COMPLETED")
        finally:
            ready.cancel()
        if self._socket is not None and not self._ready.is_set():
            logger.warning(
                "the avatar did not say that it is connected within %g s; sound is sent anyway",
                self._pace.ready,
            )
            self._ready.set()

    async def _connect(self) -> None:
        assert self._http is not None
        try:
            async with asyncio.timeout(self._pace.connect):
                self._socket = await self._http.ws_connect(self._url, max_msg_size=LONGEST_FRAME)
                self._last_sent = asyncio.get_running_loop().time()
                return
        except aiohttp.WSServerHandshakeError as error:
            if error.status in GONE:
                self._end(f"the service has no such session any more (HTTP {error.status})")
            why = f"the handshake was answered with HTTP {error.status}"
        except (aiohttp.InvalidURL, ValueError):
            why = "its address is no websocket URL"
        except TimeoutError:
            why = f"no answer within {self._pace.connect:g} s"
        except (aiohttp.ClientError, OSError) as error:
            why = f"the connection failed ({type(error).__name__})"
        # Raised out here: the errors of aiohttp show the URL.
        raise MediaSocketError(f"the media websocket could not be opened: {why}")

    async def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._socket.close(), FAREWELL)

    async def _live(self) -> None:
        """Read; reconnect; until the session is over or nothing helps."""
        try:
            while True:
                code = await self._read()
                self._socket = None
                self._ready.clear()
                self._utterances.end_all(Outcome.LOST)
                if self.over.done():
                    return
                logger.warning("the media websocket closed (code %s) and is opened again", code)
                if not await self._reconnect():
                    return
        finally:
            self._end("the media websocket could not be opened again")

    async def _reconnect(self) -> bool:
        for pause in self._retry_after:
            await asyncio.wait({self.over}, timeout=pause)
            if self.over.done():
                return False
            try:
                await self._connect()
            except MediaSocketError as error:
                logger.warning("%s", error)
            else:
                return True
        return False

    async def _read(self) -> int | None:
        """The close code of the connection, once it is closed."""
        assert self._socket is not None
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self._note(frame.data)
        return self._socket.close_code

    def _note(self, frame: str) -> None:
        match parse_frame(frame):
            case Condition() as condition if condition.is_ready:
                self._ready.set()
            case Condition() as condition if condition.is_over:
                self._utterances.end_all(Outcome.CUT)
                self._end(f"the service says {condition.state}")
            case Speech() as speech:
                self._speech_is_told = True
                self._utterances.note(speech)
            case Pose(state) if not self._speech_is_told:
                self._utterances.note_talking(state == TALKING)
            case Notice() as notice:
                log = logger.error if notice.is_error else logger.warning
                log("the avatar reports %s: %s", notice.kind, notice.words)
                if self._on_notice is not None:
                    self._on_notice(notice)

    def _note_fault(self, finding: Finding) -> None:
        if finding.fault in self._sound_faults:
            return
        self._sound_faults.add(finding.fault)
        logger.warning("the sound for the avatar is wrong: %s", finding)
        if self._on_sound_fault is not None:
            self._on_sound_fault(finding)

    def _end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)

    async def _keep_alive(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._last_sent + self._pace.keep_alive - clock())
            if clock() >= self._last_sent + self._pace.keep_alive:
                await self.send({"type": "session.keep_alive", "event_id": str(uuid4())})
                self._last_sent = clock()
