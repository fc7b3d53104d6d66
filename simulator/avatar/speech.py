"""The avatar's voice, with silence as its fallback."""

import logging
from dataclasses import replace

from voice.factory import build_speaker
from voice.settings import SpeechSettings
from voice.speaking.silent_utterance import silent_utterance
from voice.speaking.speaker import Voice, VoiceError, VoiceMissing, VoiceUnknown
from voice.speaking.utterance import Utterance

logger = logging.getLogger(__name__)

DEFAULT_VOICE = Voice()


class Speech:
    """Always returns an utterance. Without a voice it is silent, but captions and mouth still move."""

    def __init__(self, settings: SpeechSettings, voice: Voice) -> None:
        self._speaker = build_speaker(settings)
        self._voice = voice
        self._mute = False

    async def open(self) -> None:
        """Start the speech process before the first word."""
        try:
            await self._speaker.open()
        except VoiceMissing as missing:
            self._mute = True
            logger.warning("no voice, captions only: %s", missing)

    async def utter(self, text: str) -> Utterance:
        """Synthesise one sentence; a silent one if that is impossible."""
        if self._mute:
            return silent_utterance(text)
        try:
            return await self._speaker.synthesize(text, self._voice)
        except VoiceUnknown:
            if self._voice.espeak == DEFAULT_VOICE.espeak:
                self._mute = True
            logger.warning(
                "voice %s is not installed, %s speaks instead", self._voice.espeak, DEFAULT_VOICE.espeak
            )
            self._voice = replace(self._voice, espeak=DEFAULT_VOICE.espeak)
            return await self.utter(text)
        except VoiceError as error:
            logger.warning("sentence not spoken: %s", error)
            return silent_utterance(text)

    async def close(self) -> None:
        await self._speaker.close()
