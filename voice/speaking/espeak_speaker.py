"""Text to speech by espeak-ng, which runs in a child process (docs/decisions/0002)."""

import asyncio
import logging

from voice.speaking.espeak.process import ChildEnded, ChildRefused, EspeakProcess
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice, VoiceLost, VoiceMissing, VoiceUnknown
from voice.speaking.utterance import SAMPLE_RATE, PhonemeMark, Utterance, WordMark

logger = logging.getLogger(__name__)

ATTEMPTS = 2  # a text that ends the speech process twice is the cause itself


class EspeakSpeaker:
    """Owns one speech process: starts it on first use, again when it died, and ends it on `close`."""

    def __init__(self) -> None:
        self._process: EspeakProcess | None = None
        self._starting = asyncio.Lock()

    async def open(self) -> None:
        """Start the speech process ahead of the first sentence. Raises `VoiceMissing`."""
        await self._running_process()

    async def synthesize(self, text: str, voice: Voice) -> Utterance:
        """Speak one sentence. Safe to cancel at any moment. Raises `VoiceError`."""
        for attempt in range(ATTEMPTS):
            process = await self._running_process()
            try:
                message, pcm = await process.request(
                    text=text, voice=voice.espeak, rate=voice.rate, pitch=voice.pitch
                )
            except ChildRefused as refused:
                raise VoiceUnknown(str(refused)) from refused
            except ChildEnded as ended:
                logger.warning("the speech process ended (%s), attempt %d", ended, attempt + 1)
                continue
            return Utterance(
                text,
                resample(pcm, process.greeting["sample_rate"], SAMPLE_RATE),
                tuple(WordMark(position, start) for position, start in message["words"]),
                tuple(PhonemeMark(ipa, start) for ipa, start in message["phonemes"]),
            )
        raise VoiceLost("the speech process ended twice over one text")

    async def close(self) -> None:
        """End the speech process. The speaker can be used again afterwards."""
        async with self._starting:
            if self._process is not None:
                await self._process.close()
                self._process = None

    async def _running_process(self) -> EspeakProcess:
        async with self._starting:
            if self._process is not None and self._process.is_alive:
                return self._process
            if self._process is not None:
                await self._process.close()
                self._process = None
            try:
                process = await EspeakProcess.start()
            except ChildEnded as ended:
                raise VoiceMissing(f"the speech process did not start: {ended}") from ended
            if process.greeting["status"] == "missing":
                await process.close()
                raise VoiceMissing(process.greeting["reason"])
            self._process = process
            return process
