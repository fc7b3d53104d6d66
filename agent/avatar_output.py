"""What the agent says, spoken by the avatar: livekit-agents' audio output over the media websocket."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from liveavatar.media_socket import MediaSocket, UtteranceStream
from liveavatar.pcm import BYTES_PER_SECOND, RATE, Converter
from liveavatar.utterance import Outcome


class Segment:
    """One answer, or a part of one, as the framework cuts it. Its sound is kept until it has been heard."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.sent = 0  # bytes given to `stream` so far
        self.sealed = False
        self.was_told = False  # that its playback started
        self.stream: UtteranceStream | None = None
        self._converter: Converter | None = None
        self._heard = 0.0  # seconds before the last pause
        self._since: float | None = None  # the loop's time when the sound of `stream` began

    def take(self, frame: rtc.AudioFrame) -> None:
        """The framework resamples, but leaves two channels as they are."""
        if (frame.sample_rate, frame.num_channels) == (RATE, 1):
            self.pcm += frame.data.cast("b")
            return
        if self._converter is None:
            self._converter = Converter(rate=frame.sample_rate, channels=frame.num_channels)
        self.pcm += self._converter.feed(bytes(frame.data.cast("b")))

    def seal(self) -> None:
        """Nothing follows."""
        if self._converter is not None:
            self.pcm += self._converter.flush()
        self.sealed = True

    @property
    def duration(self) -> float:
        """Seconds of sound that were given to it."""
        return len(self.pcm) / BYTES_PER_SECOND

    @property
    def position(self) -> float:
        """Seconds of it that have been heard."""
        if self._since is None:
            return self._heard
        return min(self.duration, self._heard + asyncio.get_running_loop().time() - self._since)

    def sounds(self, since: float) -> None:
        self._since = since

    def rest(self) -> None:
        """Stop here; what follows is sent anew by the next stream."""
        self._heard = self.position
        self._since = None
        self.stream = None
        self.sent = round(self._heard * RATE) * 2


class AvatarOutput(AudioOutput):
    """Every segment gets exactly one `on_playback_finished`: without it the framework waits for ever.

    The service knows no pause: a paused segment is interrupted there, and what was not heard is said again as an
    utterance of its own. `run` does the sending and is owned by the caller.
    """

    def __init__(self, socket: MediaSocket, *, takes_over: bool = False) -> None:
        """`takes_over`: the avatar may still be saying what another agent, which was lost, had sent."""
        super().__init__(
            label="LiveAvatar", capabilities=AudioOutputCapabilities(pause=True), sample_rate=RATE
        )
        self._socket = socket
        self._inherited = takes_over
        self._segments: list[Segment] = []  # not finished yet, oldest first
        self._capturing: Segment | None = None
        self._paused = False
        self._silences = 0  # how often silence was asked for
        self._over = False
        self._orders: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()

    async def run(self) -> None:
        """Send until cancelled. What is not heard then, or comes later, counts as interrupted."""
        try:
            while True:
                order = await self._orders.get()
                await order()
        finally:
            self._over = True
            self._drop_all()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take a piece of the segment: 24 kHz, one channel; others are converted."""
        await super().capture_frame(frame)
        if self._capturing is None:
            self.hush_predecessor()
            self._capturing = Segment()
            self._segments.append(self._capturing)
        self._capturing.take(frame)
        if self._over:
            self._drop_all()
        else:
            self._send_on(self._capturing)

    def flush(self) -> None:
        """The segment is complete."""
        super().flush()
        segment, self._capturing = self._capturing, None
        if segment is not None:
            segment.seal()
            self._send_on(segment)

    def clear_buffer(self) -> None:
        """Silence now; all that was captured counts as interrupted."""
        was_silent, self._paused = self._paused, False
        self.hush_predecessor()
        if self._segments and not was_silent:
            self._silence()
        self._drop_all()

    def pause(self) -> None:
        """Silence now, to be gone on with."""
        if self._paused:
            return
        self._paused = True
        for segment in self._segments:
            segment.rest()
        if self._segments:
            self._silence()

    def resume(self) -> None:
        """Say what was not heard."""
        if not self._paused:
            return
        self._paused = False
        for segment in self._segments:
            self._send_on(segment)

    def listen(self, listening: bool) -> None:
        """The pose of somebody who listens, or of somebody who waits."""
        self._orders.put_nowait(self._socket.start_listening if listening else self._socket.stop_listening)

    def hush_predecessor(self) -> None:
        """Silence what the agent before this one had sent: somebody speaks now. The framework knows nothing of it."""
        if self._inherited:
            self._inherited = False
            self._silence()

    def _silence(self) -> None:
        self._silences += 1
        self._orders.put_nowait(self._socket.interrupt)

    def _send_on(self, segment: Segment) -> None:
        silences = self._silences

        async def send() -> None:
            # What waited here when silence was asked for would be cut by it; whoever resumes sends it anew.
            if silences != self._silences or self._paused or segment not in self._segments:
                return
            if segment.stream is None:
                segment.stream = self._new_stream(segment)
            stream = segment.stream
            piece = bytes(segment.pcm[segment.sent :])
            segment.sent = len(segment.pcm)
            if piece:
                await stream.send(piece)
            if segment.sealed and not stream.utterance.sealed:
                await stream.seal()

        self._orders.put_nowait(send)

    def _new_stream(self, segment: Segment) -> UtteranceStream:
        stream = self._socket.utterance()
        stream.utterance.started.add_done_callback(lambda started: self._on_started(segment, stream, started))
        stream.utterance.done.add_done_callback(lambda done: self._on_done(segment, stream, done))
        return stream

    def _on_started(self, segment: Segment, stream: UtteranceStream, started: asyncio.Future[float]) -> None:
        if segment.stream is not stream or segment not in self._segments:
            return
        segment.sounds(started.result())
        if not segment.was_told:
            segment.was_told = True
            self.on_playback_started(created_at=time.time())

    def _on_done(self, segment: Segment, stream: UtteranceStream, done: asyncio.Future[Outcome]) -> None:
        if segment.stream is not stream or segment not in self._segments:
            return
        if done.result() is Outcome.PLAYED:
            self._finish(segment, segment.duration, interrupted=False)
        else:
            self._finish(segment, segment.position, interrupted=True)

    def _drop_all(self) -> None:
        for segment in list(self._segments):
            self._finish(segment, segment.position, interrupted=True)

    def _finish(self, segment: Segment, position: float, *, interrupted: bool) -> None:
        self._segments.remove(segment)
        if segment is self._capturing:
            # The framework goes on giving frames of it until it flushes: they belong to a segment of their own
            # that nobody waits for, so they are swallowed.
            self._capturing = Segment()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)
