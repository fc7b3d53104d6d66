"""What every speaker offers: text to speech, one sentence at a time.

VoiceError
├── VoiceMissing     no speech on this machine: `speaking.silent_utterance` can stand in
├── VoiceLost        the speech process ended twice over one text
└── VoiceUnknown     no voice of that name
"""

from dataclasses import dataclass
from typing import Protocol

from voice.speaking.utterance import Utterance


class VoiceError(Exception):
    """Nothing could be spoken."""


class VoiceMissing(VoiceError):
    """There is no speech on this machine. The message says what to install."""


class VoiceLost(VoiceError):
    """The speech process ended while it worked on a text, and again after a restart."""


class VoiceUnknown(VoiceError):
    """The speaker has no voice of that name."""


@dataclass(frozen=True, slots=True)
class Voice:
    """`espeak`: espeak-ng's voice with optional timbre ("en-us+f3"); `rate`: words a minute; `pitch`: 0 to 99.

    A speaker with voices of its own uses what it can: the rate, or the language at the beginning of `espeak`.
    """

    espeak: str = "en-us+f3"
    rate: int = 165
    pitch: int = 50


class Speaker(Protocol):
    """Turns sentences into sound. Can be used again after `close`."""

    async def open(self) -> None:
        """Prepare the first sentence; else it takes longer. Raises `VoiceMissing`."""

    async def synthesize(self, text: str, voice: Voice) -> Utterance:
        """Speak one sentence. Safe to cancel at any moment. Raises `VoiceError`."""

    async def close(self) -> None:
        """Give back processes and connections. Safe to call twice."""
