"""Text to speech: what every speaker offers, and the choice of one.

VoiceError
├── VoiceMissing     no espeak-ng on this machine: `voice.silent` can stand in
├── VoiceLost        the speech process ended twice over one text
└── VoiceUnknown     espeak-ng has no voice of that name
"""

from dataclasses import dataclass
from typing import Protocol

from voice.settings import SpeechSettings
from voice.utterance import Utterance


class VoiceError(Exception):
    """Nothing could be spoken."""


class VoiceMissing(VoiceError):
    """There is no espeak-ng here. Install the `espeakng-loader` package or the system's espeak-ng."""


class VoiceLost(VoiceError):
    """The speech process ended while it worked on a text, and again after a restart."""


class VoiceUnknown(VoiceError):
    """espeak-ng has no voice of that name."""


@dataclass(frozen=True, slots=True)
class Voice:
    """`espeak`: voice name with optional timbre ("en-us+f3"); `rate`: words a minute; `pitch`: 0 to 99."""

    espeak: str = "en-us+f3"
    rate: int = 165
    pitch: int = 50


class Speaker(Protocol):
    """Turns sentences into sound. Can be used again after `close`."""

    async def open(self) -> None:
        """Get ready now, so that the first sentence need not wait. Raises `VoiceMissing`."""

    async def synthesize(self, text: str, voice: Voice) -> Utterance:
        """Speak one sentence; cancelling is safe at any moment. Raises `VoiceError`."""

    async def close(self) -> None:
        """Give back processes and connections. Safe to call twice."""


def speaker(settings: SpeechSettings) -> Speaker:
    """The speaker that `settings` ask for.

    The utterances of a remote one have no phonemes: lips follow the sound, and word marks are estimates.
    """
    # Imported here: they need this module's names, and only one of them is wanted.
    from voice.espeak import EspeakSpeaker

    if settings.tts is None:
        return EspeakSpeaker()
    from voice.remote_tts import RemoteSpeaker

    return RemoteSpeaker(settings.tts, settings.tts_voice, EspeakSpeaker())
