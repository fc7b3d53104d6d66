"""A caller's sound: it arrives in chunks, is grouped into utterances and played in order.

An utterance is the sound between two seals. Event ids cannot group it: livekit-plugins-liveavatar 1.8.9 sends a new one
with every chunk, livekit-starter none at all.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from simulator.avatar.lips import MouthTrack
from simulator.avatar.lite_commands import EventId
from simulator.avatar.playback import CLOSE_ENOUGH, Playback
from voice.speaking.utterance import BYTES_PER_SECOND

# Seconds of sound.
PREROLL = 0.15  # gathered before an utterance is played, and the longest wait for it: chunks of 15 ms must not stutter
PIECE = 0.5  # handed to playback and lips at a time
LEAD = 0.3  # before the end of a piece at which the next one is handed over
AUDIBLE = 0.01  # played until an utterance counts as started
# Seconds after an utterance has run dry until the caller is told that the avatar idles. Not at once:
# livekit-plugins-liveavatar 1.8.9 takes that for the end of the utterance.
LULL = 2.0
SAMPLE = 2  # bytes
MOST_UTTERANCES = 1000


class BufferFull(Exception):
    """More sound is waiting than is kept; the text names the limit."""


@dataclass(slots=True, eq=False)
class Utterance:
    """`source`: its first event id. `heard`: it has started. `sound`: PCM that is still to be played."""

    source: EventId | None
    id: str = field(default_factory=lambda: str(uuid4()))
    sealed: bool = False
    heard: bool = False
    sound: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def has_sound(self) -> bool:
        return len(self.sound) >= SAMPLE

    @property
    def is_over(self) -> bool:
        """Whether it is sealed and all its sound has been handed over."""
        return self.sealed and not self.has_sound

    def take(self, seconds: float) -> bytes:
        """Remove and return the next whole samples, at most so many seconds. Half a sample waits for the rest."""
        count = min(len(self.sound), round(seconds * BYTES_PER_SECOND)) // SAMPLE * SAMPLE
        piece = bytes(self.sound[:count])
        del self.sound[:count]
        return piece


class Lips(Protocol):
    def listen(self, pcm: bytes) -> MouthTrack:
        """Return the mouth over this piece of a stream."""

    def reset(self) -> None:
        """Begin a new stream."""


class Listener(Protocol):
    """Called when something can be heard of an utterance."""

    def speaking(self, utterance: Utterance) -> None:
        """It is heard, for the first time or again after it has run dry."""

    def progressed(self) -> None:
        """Another piece is being played."""

    def starved(self, utterance: Utterance) -> None:
        """It has run dry: all its sound was heard, and it is not sealed."""

    def lulled(self, utterance: Utterance) -> None:
        """It has been dry for `LULL`."""

    def spoken(self, utterance: Utterance) -> None:
        """It has been heard to its end."""


class Utterances:
    """Plays utterances one after the other. The caller owns the task of `run`."""

    def __init__(self, playback: Playback, lips: Lips, listener: Listener, longest: float) -> None:
        """`longest`: seconds of sound that may wait to be played, in all utterances together."""
        self._playback = playback
        self._lips = lips
        self._listener = listener
        self._longest = longest
        self._waiting: deque[Utterance] = deque()
        self._open: Utterance | None = None
        self._changed = asyncio.Event()
        self._playing: asyncio.Task[None] | None = None

    def append(self, pcm: bytes, event_id: EventId | None) -> None:
        """Add sound to the open utterance, or open one. Raises `BufferFull` and then adds nothing."""
        if sum(len(each.sound) for each in self._waiting) + len(pcm) > self._longest * BYTES_PER_SECOND:
            raise BufferFull(f"More than {self._longest:g} s of audio are waiting to be played")
        if self._open is None:
            if len(self._waiting) >= MOST_UTTERANCES:
                raise BufferFull(f"More than {MOST_UTTERANCES} utterances are waiting to be played")
            self._open = Utterance(event_id)
            self._waiting.append(self._open)
        elif self._open.source is None:
            self._open.source = event_id
        self._open.sound += pcm
        self._changed.set()

    def seal(self) -> None:
        """Seal the open utterance, if there is one: no more sound belongs to it."""
        if self._open is not None:
            self._open.sealed = True
            self._open = None
            self._changed.set()

    def interrupt(self) -> list[Utterance]:
        """Stop at once. Return the utterances that were not heard to their end, in order."""
        dropped = list(self._waiting)
        self._waiting.clear()
        self._open = None
        if self._playing is not None:
            self._playing.cancel()
        self._playback.stop()
        return dropped

    async def run(self) -> None:
        """Play until cancelled."""
        try:
            while True:
                await self._until(lambda: bool(self._waiting))
                self._playing = asyncio.create_task(self._play(self._waiting[0]), name="utterance")
                await asyncio.wait({self._playing})
                if not self._playing.cancelled():
                    self._playing.result()
        finally:
            if self._playing is not None:
                self._playing.cancel()
                await asyncio.wait({self._playing})

    async def _play(self, utterance: Utterance) -> None:
        self._lips.reset()
        while True:
            await self._gather(utterance)
            start, end = self._push(utterance)
            await self._playback.reached(min(start + AUDIBLE, end))
            self._listener.speaking(utterance)
            await self._play_on(utterance, end)
            if not utterance.sealed:
                self._listener.starved(utterance)
                await self._await_more(utterance)
            if utterance.is_over:
                break
        self._waiting.popleft()
        self._listener.spoken(utterance)

    async def _gather(self, utterance: Utterance) -> None:
        await self._until(lambda: utterance.has_sound or utterance.sealed)
        enough = PREROLL * BYTES_PER_SECOND
        await self._until(lambda: len(utterance.sound) >= enough or utterance.sealed, PREROLL)

    async def _play_on(self, utterance: Utterance, end: float) -> None:
        """Feed the playback; return when all sound that has arrived has been heard."""
        while not utterance.is_over or self._playback.position < end - CLOSE_ENOUGH:
            if utterance.has_sound:
                await self._playback.reached(end - LEAD)
                _, end = self._push(utterance)
            elif utterance.sealed:
                await self._playback.reached(end)
            elif (left := end - self._playback.position) > CLOSE_ENOUGH:
                await self._until(lambda: utterance.has_sound or utterance.sealed, left)
            else:
                return

    async def _await_more(self, utterance: Utterance) -> None:
        if not await self._until(lambda: utterance.has_sound or utterance.sealed, LULL):
            self._listener.lulled(utterance)
            await self._until(lambda: utterance.has_sound or utterance.sealed)

    def _push(self, utterance: Utterance) -> tuple[float, float]:
        """Hand the next piece to the playback; return the positions of its begin and end."""
        piece = utterance.take(PIECE)
        if not piece:
            return self._playback.position, self._playback.position
        self._listener.progressed()
        start = self._playback.push(piece, self._lips.listen(piece).at)
        return start, start + len(piece) / BYTES_PER_SECOND

    async def _until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until more sound or a seal makes `condition` true, at most so long. Return whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        return condition()
