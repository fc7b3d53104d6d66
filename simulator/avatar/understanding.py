"""Speech recognition of the avatar, with a fallback where it is not available."""

from collections.abc import Callable

from voice.hearing.recognizer import HearingUnavailable, Recognition, Recognizer, Transcript
from voice.hearing.vad import SpeechDetector

HANGOVER = 0.4  # seconds of silence that end an utterance


def speech_detector(missing: Callable[[str], None]) -> SpeechDetector | None:
    """Return the voice detector, or None if none is installed; then only typed text works."""
    try:
        return SpeechDetector(hangover=HANGOVER)
    except HearingUnavailable as why:
        missing(str(why))
        return None


class Understanding:
    """Always returns a recognition. Where none is available, its text is empty."""

    def __init__(self, recognizer: Recognizer, missing: Callable[[str], None]) -> None:
        """`missing` is called with the reason if recognition is not available."""
        self._recognizer = recognizer
        self._missing = missing
        self._deaf = False

    async def open(self) -> None:
        """Load the model before the first word."""
        try:
            await self._recognizer.open()
        except HearingUnavailable as why:
            self._deaf = True
            self._missing(str(why))

    def listen(self) -> Recognition:
        """Begin to recognise a new utterance."""
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
