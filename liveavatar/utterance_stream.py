"""The sending side of one utterance: its sound is checked, cut into messages, and sealed."""

import asyncio
import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from liveavatar.pace import Pace
from liveavatar.pcm import BYTES_PER_SECOND
from liveavatar.pcm_check import JUDGED, UNPLAYABLE, Finding, PcmCheck
from liveavatar.utterance import Outcome, Utterance


class UtteranceSender(Protocol):
    """Sends an utterance's messages and waits for its end."""

    async def begin(self, utterance: Utterance) -> None:
        """Wait until the utterance can be played. It is done on return when it never can."""

    async def send(self, message: Mapping[str, object]) -> bool:
        """Send one message. Return False when there is no connection."""

    def expect_end(self, utterance: Utterance) -> None:
        """Note that the utterance was sent whole."""


class UtteranceStream:
    """Sound that cannot be PCM is not sent: its utterance is REFUSED before any of it is heard."""

    def __init__(self, sender: UtteranceSender, pace: Pace, on_finding: Callable[[Finding], None]) -> None:
        """`on_finding` gets what is wrong with the sound, each fault once."""
        self.utterance = Utterance()
        self._sender = sender
        self._pace = pace
        self._on_finding = on_finding
        self._check = PcmCheck()
        self._waiting = bytearray()
        self._begun = False

    async def send(self, pcm: bytes) -> None:
        """Send the next piece, of any length in bytes. A piece that comes after the utterance is done is dropped."""
        if self.utterance.done.done():
            return
        self.utterance.seconds += len(pcm) / BYTES_PER_SECOND
        self._report(self._check.look(pcm, asyncio.get_running_loop().time()))
        self._waiting += pcm
        while not self.utterance.done.done() and len(self._waiting) >= (size := self._chunk_bytes()):
            chunk = bytes(self._waiting[:size])
            del self._waiting[:size]
            await self._send_chunk(chunk)

    async def seal(self) -> None:
        """Mark the end of the utterance. One without sound is PLAYED at once, and nothing of it is sent."""
        self._report(self._check.conclude())
        whole = len(self._waiting) // 2 * 2
        if whole and not self.utterance.done.done():
            await self._send_chunk(bytes(self._waiting[:whole]))
        self._waiting.clear()
        self.utterance.sealed = True
        if not self._begun:
            self.utterance.end(Outcome.PLAYED)
        elif not self.utterance.done.done():
            await self._send_message({"type": "agent.speak_end", "event_id": self.utterance.id})
            self._sender.expect_end(self.utterance)

    def _report(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._on_finding(finding)
            if finding.fault in UNPLAYABLE and not self._begun:
                self.utterance.end(Outcome.REFUSED)

    def _chunk_bytes(self) -> int:
        # The first message waits until the check has judged its sound.
        seconds = self._pace.chunk if self._begun else max(self._pace.first, JUDGED)
        return round(seconds * BYTES_PER_SECOND) // 2 * 2

    async def _send_chunk(self, pcm: bytes) -> None:
        if not self._begun:
            self._begun = True
            await self._sender.begin(self.utterance)
        audio = base64.b64encode(pcm).decode()
        await self._send_message({"type": "agent.speak", "event_id": self.utterance.id, "audio": audio})

    async def _send_message(self, message: Mapping[str, object]) -> None:
        if not self.utterance.done.done() and not await self._sender.send(message):
            self.utterance.end(Outcome.LOST)
