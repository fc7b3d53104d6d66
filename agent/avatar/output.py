"""livekit-agents' audio output to an avatar, over the media websocket."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from agent.avatar.segment import Segment
from liveavatar.media_socket import MediaSocket, UtteranceStream
from liveavatar.pcm import RATE
from liveavatar.utterance import Outcome


class AvatarOutput(AudioOutput):
    """Reports exactly one `on_playback_finished` for every segment: the framework waits for it without limit.

    The service has no pause. A paused segment is interrupted there, and `resume` sends the unheard rest as a new
    utterance. The caller runs `run`, which sends, as a task.
    """

    def __init__(self, socket: MediaSocket, *, takes_over: bool = False) -> None:
        """`takes_over`: the avatar may still be saying what a lost agent had sent."""
        super().__init__(
            label="LiveAvatar", capabilities=AudioOutputCapabilities(pause=True), sample_rate=RATE
        )
        self._socket = socket
        self._predecessor_may_speak = takes_over
        self._segments: list[Segment] = []  # not finished yet, oldest first
        self._capturing: Segment | None = None
        self._is_paused = False
        self._interrupts = 0  # sent so far
        self._has_ended = False
        self._sends: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()

    async def run(self) -> None:
        """Send until cancelled. Audio unheard by then, or captured later, counts as interrupted."""
        try:
            while True:
                send = await self._sends.get()
                await send()
        finally:
            self._has_ended = True
            self._interrupt_all()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Append to the current segment; other formats than 24 kHz mono are converted."""
        await super().capture_frame(frame)
        if self._capturing is None:
            self.silence_predecessor()
            self._capturing = Segment()
            self._segments.append(self._capturing)
        self._capturing.append(frame)
        if self._has_ended:
            self._interrupt_all()
        else:
            self._send_rest(self._capturing)

    def flush(self) -> None:
        """Complete the current segment."""
        super().flush()
        segment, self._capturing = self._capturing, None
        if segment is not None:
            segment.seal()
            self._send_rest(segment)

    def clear_buffer(self) -> None:
        """Silence the avatar; all captured segments count as interrupted."""
        was_paused, self._is_paused = self._is_paused, False
        self.silence_predecessor()
        if self._segments and not was_paused:
            self._send_interrupt()
        self._interrupt_all()

    def pause(self) -> None:
        """Silence the avatar until `resume`."""
        if self._is_paused:
            return
        self._is_paused = True
        for segment in self._segments:
            segment.pause()
        if self._segments:
            self._send_interrupt()

    def resume(self) -> None:
        """Continue with the audio that was not heard."""
        if not self._is_paused:
            return
        self._is_paused = False
        for segment in self._segments:
            self._send_rest(segment)

    def set_listening(self, listening: bool) -> None:
        """Show the avatar listening, or waiting."""
        self._sends.put_nowait(self._socket.start_listening if listening else self._socket.stop_listening)

    def silence_predecessor(self) -> None:
        """Silence, once, what a lost agent had sent; the framework knows nothing of it."""
        if self._predecessor_may_speak:
            self._predecessor_may_speak = False
            self._send_interrupt()

    def _send_interrupt(self) -> None:
        self._interrupts += 1
        self._sends.put_nowait(self._socket.interrupt)

    def _send_rest(self, segment: Segment) -> None:
        interrupts = self._interrupts

        async def send() -> None:
            # An interrupt requested since then would cut this audio; `resume` sends it again.
            if interrupts != self._interrupts or self._is_paused or segment not in self._segments:
                return
            if segment.stream is None:
                segment.stream = self._open_stream(segment)
            stream = segment.stream
            pcm = bytes(segment.pcm[segment.sent :])
            segment.sent = len(segment.pcm)
            if pcm:
                await stream.send(pcm)
            if segment.is_sealed and not stream.utterance.sealed:
                await stream.seal()

        self._sends.put_nowait(send)

    def _open_stream(self, segment: Segment) -> UtteranceStream:
        stream = self._socket.utterance()
        stream.utterance.started.add_done_callback(lambda started: self._on_started(segment, stream, started))
        stream.utterance.done.add_done_callback(lambda done: self._on_done(segment, stream, done))
        return stream

    def _on_started(self, segment: Segment, stream: UtteranceStream, started: asyncio.Future[float]) -> None:
        if segment.stream is not stream or segment not in self._segments:
            return
        segment.mark_playing(started.result())
        if not segment.is_announced:
            segment.is_announced = True
            self.on_playback_started(created_at=time.time())

    def _on_done(self, segment: Segment, stream: UtteranceStream, done: asyncio.Future[Outcome]) -> None:
        if segment.stream is not stream or segment not in self._segments:
            return
        if done.result() is Outcome.PLAYED:
            self._finish(segment, segment.duration, interrupted=False)
        else:
            self._finish(segment, segment.position, interrupted=True)

    def _interrupt_all(self) -> None:
        for segment in list(self._segments):
            self._finish(segment, segment.position, interrupted=True)

    def _finish(self, segment: Segment, position: float, *, interrupted: bool) -> None:
        self._segments.remove(segment)
        if segment is self._capturing:
            # The framework passes frames of it until it flushes: a segment outside of `_segments` absorbs them.
            self._capturing = Segment()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)
