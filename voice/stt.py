"""Speech to text: what every recogniser offers, and the choice of one.

SpeechInMissing    speech cannot be understood on this machine; text still can
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voice.settings import SpeechSettings


class SpeechInMissing(Exception):
    """A package for hearing cannot be imported. The message says which, what to do, and what works without it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """`text` is what was said, "" when it was not understood: nothing is invented. `confidence`: 0 to 1."""

    text: str
    confidence: float


class Recognition(Protocol):
    """The understanding of one utterance: any number of `feed`, then `finish` or `abandon`."""

    async def feed(self, pcm: bytes) -> str:
        """Take 16 kHz 16-bit mono sound. Returns the whole phrase so far, "" while there is nothing to show."""

    async def finish(self) -> Transcript:
        """Everything was said. Safe to cancel; the recognition is over then, too."""

    async def abandon(self) -> None:
        """Nobody wants to know any more. Does nothing after `finish`."""


class Recognizer(Protocol):
    """Understands one person. One `Recognition` at a time."""

    async def open(self) -> None:
        """Load what is needed ahead of the first word. Raises `SpeechInMissing`."""

    def listen(self) -> Recognition:
        """Begin a new utterance. One that is still under way is abandoned."""

    async def close(self) -> None:
        """Give back threads and connections. Safe to call twice."""


def recognizer(settings: SpeechSettings, *, texts: Sequence[str], language: str = "en") -> Recognizer:
    """The recogniser that `settings` ask for.

    `texts` is what the conversation is about: sentences of the context, questions and answers; [] is no context.
    `language` is a BCP-47 code; offline only English is understood, and `open` raises `SpeechInMissing` for others.
    """
    # Imported here: they need this module's names, and the remote one is not everybody's.
    from voice.sphinx import SphinxRecognizer

    offline = SphinxRecognizer(texts, language)
    if settings.stt is None:
        return offline
    from voice.remote_stt import RemoteRecognizer

    return RemoteRecognizer(settings.stt, language, offline)
