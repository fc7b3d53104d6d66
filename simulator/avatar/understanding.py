"""The avatar's understanding of speech, and what it does without any."""

from collections.abc import Callable

from voice.hearing.recognizer import HearingUnavailable, Recognition, Recognizer, Transcript
from voice.hearing.vad import SpeechDetector

HANGOVER = 0.4  # seconds of silence that end what the user says


def speech_detector(missing: Callable[[str], None]) -> SpeechDetector | None:
    """None where it cannot be told whether somebody speaks: then typed text is all there is."""
    try:
        return SpeechDetector(hangover=HANGOVER)
    except HearingUnavailable as why:
        missing(str(why))
        return None


class Understanding:
    """Always listens: where speech cannot be understood, every utterance comes out as not understood."""

    def __init__(self, recognizer: Recognizer, missing: Callable[[str], None]) -> None:
        """`missing` is told why there is no understanding, if so."""
        self._recognizer = recognizer
        self._missing = missing
        self._deaf = False

    async def open(self) -> None:
        """Load ahead of the first word."""
        try:
            await self._recognizer.open()
        except HearingUnavailable as why:
            self._deaf = True
            self._missing(str(why))

    def listen(self) -> Recognition:
        """Begin a new utterance."""
        return _NoRecognition() if self._deaf else self._recognizer.listen()

    async def close(self) -> None:
        await self._recognizer.close()


class _NoRecognition:
    async def feed(self, pcm: bytes) -> str:
        return ""

    async def finish(self) -> Transcript:
        return Transcript("", 0.0)

    async def abandon(self) -> None:
        pass
