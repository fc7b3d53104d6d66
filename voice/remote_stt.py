"""Speech understood by an OpenAI-compatible service, and by the offline recogniser when it fails."""

import io
import logging
import wave

from voice.service import Service, ServiceFailed
from voice.settings import Endpoint
from voice.stt import Recognizer, SpeechInMissing, Transcript

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000  # Hz
LONGEST = 120 * SAMPLE_RATE * 2  # bytes; what is said after two minutes without a pause is not sent
SHORTEST = SAMPLE_RATE * 2 // 10  # bytes; services refuse less than 0.1 s


class RemoteRecognizer:
    """`offline` gets the sound that the service fails at. There are no interim results."""

    def __init__(self, endpoint: Endpoint, language: str, offline: Recognizer) -> None:
        self._service = Service("STT", endpoint)
        self._language = language.strip().replace("_", "-").partition("-")[0].lower()
        self._offline = offline

    async def open(self) -> None:
        """Load the client library and the offline recogniser, so that it can step in at once."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "the offline recogniser listens")
        try:
            await self._offline.open()
        except SpeechInMissing as missing:
            logger.info("nothing can step in for the STT service: %s", missing)

    def listen(self) -> "RemoteRecognition":
        """Begin a new utterance."""
        return RemoteRecognition(self)

    async def close(self) -> None:
        """Close the connections and the offline recogniser."""
        await self._service.close()
        await self._offline.close()

    async def transcribe(self, pcm: bytes) -> Transcript:
        """What is said in `pcm`, from whoever can tell."""
        if len(pcm) < SHORTEST:
            return Transcript("", 0.0)
        try:
            text = await self._ask(pcm)
        except ServiceFailed as failure:
            return await self._transcribe_offline(pcm, failure)
        return Transcript(text, 1.0 if text else 0.0)

    async def _ask(self, pcm: bytes) -> str:
        async with self._service.call() as client:
            answer = await client.audio.transcriptions.create(
                model=self._service.model,
                file=("speech.wav", _wav(pcm), "audio/wav"),
                language=self._language,
                response_format="json",
            )
            text = getattr(answer, "text", None)
            if not isinstance(text, str):
                raise ServiceFailed("its answer has no text")
            return " ".join(text.split())

    async def _transcribe_offline(self, pcm: bytes, failure: ServiceFailed) -> Transcript:
        try:
            await self._offline.open()
        except SpeechInMissing:
            self._service.warn(failure, "what was said stays unknown")
            return Transcript("", 0.0)
        self._service.warn(failure, "the offline recogniser listens")
        recognition = self._offline.listen()
        try:
            await recognition.feed(pcm)
            return await recognition.finish()
        finally:
            await recognition.abandon()


class RemoteRecognition:
    """Collects one utterance and sends it when it is over."""

    def __init__(self, recognizer: RemoteRecognizer) -> None:
        self._recognizer = recognizer
        self._pcm = bytearray()

    async def feed(self, pcm: bytes) -> str:
        """Take 16 kHz 16-bit mono sound. Nothing is known before the end."""
        self._pcm += pcm[: LONGEST - len(self._pcm)]
        return ""

    async def finish(self) -> Transcript:
        """Ask the service, or the offline recogniser."""
        pcm = bytes(self._pcm)
        self._pcm.clear()
        return await self._recognizer.transcribe(pcm)

    async def abandon(self) -> None:
        """Forget what was said."""
        self._pcm.clear()


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        sound.writeframes(pcm)
    return file.getvalue()
