"""The sending side of one utterance: its sound is looked at, cut into messages, and sealed."""

import asyncio
import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from liveavatar.pcm import BYTES_PER_SECOND
from liveavatar.pcm_check import JUDGED, UNPLAYABLE, Finding, PcmCheck
from liveavatar.utterance import Outcome, Utterance


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `first`, then `chunk` seconds of sound go into one message: short at the beginning for a quick
    start, long after it for few messages (docs: 400 to 600 ms, then about 1 s). A message of 1 s is 64 kB; the
    service drops what is larger than 1 MB.

    `ready` bounds the wait for the service to say that it is connected; then sound is sent anyway, since some
    sessions never say so and play it all the same. `overdue`: an utterance whose end is not told that long after
    it should have been heard counts as lost. `keep_alive` is the longest silence on the wire.
    """

    first: float = 0.5
    chunk: float = 1.0
    connect: float = 10.0
    ready: float = 5.0
    overdue: float = 10.0
    keep_alive: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.chunk <= 10:
            raise ValueError("chunks are above 0 and up to 10 s long, the first no longer than the others")


class Wire(Protocol):
    """What an utterance is sent over."""

    async def begin(self, utterance: Utterance) -> None:
        """Wait until it can be heard. It is done already when it never can."""

    async def send(self, message: dict[str, Any]) -> bool:
        """False when there is no connection."""

    def expect_end(self, utterance: Utterance) -> None:
        """All of it was sent."""


class UtteranceStream:
    """Sound that cannot be PCM at all is not sent: its utterance is REFUSED, before a sound of it is heard."""

    def __init__(self, wire: Wire, pace: Pace, on_finding: Callable[[Finding], None]) -> None:
        """`on_finding` is told what is wrong with the sound, each fault once."""
        self.utterance = Utterance()
        self._wire = wire
        self._pace = pace
        self._on_finding = on_finding
        self._check = PcmCheck()
        self._waiting = bytearray()
        self._begun = False

    async def send(self, pcm: bytes) -> None:
        """The next piece, of any length. Dropped without a word once the utterance is done."""
        if self.utterance.done.done():
            return
        self.utterance.seconds += len(pcm) / BYTES_PER_SECOND
        self._note(self._check.look(pcm, asyncio.get_running_loop().time()))
        self._waiting += pcm
        while not self.utterance.done.done() and len(self._waiting) >= (size := self._chunk_bytes()):
            chunk = bytes(self._waiting[:size])
            del self._waiting[:size]
            await self._speak(chunk)

    async def seal(self) -> None:
        """Nothing follows. An utterance without a sound is done at once and leaves no trace on the wire."""
        self._note(self._check.conclude())
        whole = len(self._waiting) // 2 * 2
        if whole and not self.utterance.done.done():
            await self._speak(bytes(self._waiting[:whole]))
        self._waiting.clear()
        self.utterance.sealed = True
        if not self._begun:
            self.utterance.end(Outcome.PLAYED)
        elif not self.utterance.done.done():
            await self._deliver({"type": "agent.speak_end", "event_id": self.utterance.id})
            self._wire.expect_end(self.utterance)

    def _note(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._on_finding(finding)
            if finding.fault in UNPLAYABLE and not self._begun:
                self.utterance.end(Outcome.REFUSED)

    def _chunk_bytes(self) -> int:
        # Nothing leaves before it has been judged.
        seconds = self._pace.chunk if self._begun else max(self._pace.first, JUDGED)
        return round(seconds * BYTES_PER_SECOND) // 2 * 2

    async def _speak(self, pcm: bytes) -> None:
        if not self._begun:
            self._begun = True
            await self._wire.begin(self.utterance)
        audio = base64.b64encode(pcm).decode()
        await self._deliver({"type": "agent.speak", "event_id": self.utterance.id, "audio": audio})

    async def _deliver(self, message: dict[str, Any]) -> None:
        if not self.utterance.done.done() and not await self._wire.send(message):
            self.utterance.end(Outcome.LOST)
