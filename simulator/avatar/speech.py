"""The avatar's voice, and what it does without one."""

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
    """Always utters: where nothing can be heard, captions and mouth still go their way."""

    def __init__(self, settings: SpeechSettings, voice: Voice) -> None:
        self._speaker = build_speaker(settings)
        self._voice = voice
        self._mute = False

    async def open(self) -> None:
        """Start the speech process ahead of the first word."""
        try:
            await self._speaker.open()
        except VoiceMissing as missing:
            self._mute = True
            logger.warning("no sound, captions only: %s", missing)

    async def utter(self, text: str) -> Utterance:
        """One sentence, spoken or silent."""
        if self._mute:
            return silent_utterance(text)
        try:
            return await self._speaker.synthesize(text, self._voice)
        except VoiceUnknown:
            if self._voice.espeak == DEFAULT_VOICE.espeak:
                self._mute = True
            logger.warning("no voice %s here, %s speaks instead", self._voice.espeak, DEFAULT_VOICE.espeak)
            self._voice = replace(self._voice, espeak=DEFAULT_VOICE.espeak)
            return await self.utter(text)
        except VoiceError as error:
            logger.warning("a sentence stays silent: %s", error)
            return silent_utterance(text)

    async def close(self) -> None:
        await self._speaker.close()
