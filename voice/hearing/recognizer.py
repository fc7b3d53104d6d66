"""What every recogniser offers: speech to text, one utterance at a time.

HearingUnavailable    speech cannot be understood on this machine; typed text still can
"""

from dataclasses import dataclass
from typing import Protocol

SAMPLE_RATE = 16_000  # Hz; all sound that is heard is 16-bit little-endian mono at this rate
BYTES_PER_SECOND = SAMPLE_RATE * 2


class HearingUnavailable(Exception):
    """Speech cannot be understood here. The message says what is missing, what to do, and what works without it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """`text` is "" when the utterance was not understood: nothing is invented. `confidence` is 0 to 1."""

    text: str
    confidence: float


NOT_UNDERSTOOD = Transcript("", 0.0)


class Recognition(Protocol):
    """The understanding of one utterance: any number of `feed`, then `finish` or `abandon`."""

    async def feed(self, pcm: bytes) -> str:
        """Take more of the sound. Returns the interim text of the whole utterance, "" while there is none."""

    async def finish(self) -> Transcript:
        """Return the final transcript. Safe to cancel; the recognition is over then, too."""

    async def abandon(self) -> None:
        """Stop: the transcript is not wanted any more. Does nothing after `finish`."""


class Recognizer(Protocol):
    """Understands one person, with one `Recognition` at a time."""

    async def open(self) -> None:
        """Load what is needed ahead of the first word. Raises `HearingUnavailable`."""

    def listen(self) -> Recognition:
        """Begin a new utterance. One that is still under way is abandoned."""

    async def close(self) -> None:
        """Give back threads and connections. Safe to call twice."""
