"""One spoken sentence: its sound, and when its words and phonemes begin."""

from dataclasses import dataclass

SAMPLE_RATE = 24_000  # Hz; the format of the LiveAvatar audio path: 24 kHz, 16-bit little-endian, mono
BYTES_PER_SECOND = SAMPLE_RATE * 2


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word begins: `position` is the index of its first character in the text."""

    position: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class PhonemeMark:
    """A phoneme begins: `ipa` may carry stress marks and is empty for a pause."""

    ipa: str
    start_ms: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """`pcm` is 24 kHz, 16-bit little-endian, mono."""

    text: str
    pcm: bytes
    words: tuple[WordMark, ...]
    phonemes: tuple[PhonemeMark, ...]

    @property
    def seconds(self) -> float:
        return len(self.pcm) / BYTES_PER_SECOND
