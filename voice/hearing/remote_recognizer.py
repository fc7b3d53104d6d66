"""Speech recognised by an OpenAI-compatible service, and by another recogniser when the service fails."""

import io
import logging
import wave

from voice.hearing.recognizer import (
    BYTES_PER_SECOND,
    NOT_UNDERSTOOD,
    SAMPLE_RATE,
    HearingUnavailable,
    Recognizer,
    Transcript,
)
from voice.remote_service import RemoteService, ServiceFailed
from voice.settings import Endpoint

logger = logging.getLogger(__name__)

LONGEST = 120 * BYTES_PER_SECOND  # bytes; what is said after two minutes without a pause is not sent
SHORTEST = BYTES_PER_SECOND // 10  # bytes; services refuse less than 0.1 s


class RemoteRecognizer:
    """`fallback` gets the sound that the service fails at. There are no interim results."""

    def __init__(self, endpoint: Endpoint, language: str, *, fallback: Recognizer) -> None:
        """`language` is a BCP-47 code; the service gets its first part, "de" of "de-AT"."""
        self._service = RemoteService("STT", endpoint)
        self._language = language.strip().replace("_", "-").partition("-")[0].lower()
        self._fallback = fallback

    async def open(self) -> None:
        """Load the client library and the fallback, so that it can step in at once."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "the offline recogniser listens")
        try:
            await self._fallback.open()
        except HearingUnavailable as unavailable:
            logger.info("the STT service has no fallback: %s", unavailable)

    def listen(self) -> "RemoteRecognition":
        """Begin a new utterance."""
        return RemoteRecognition(self)

    async def close(self) -> None:
        """Close the connections and the fallback."""
        await self._service.close()
        await self._fallback.close()

    async def transcribe(self, pcm: bytes) -> Transcript:
        """Transcribe a whole utterance by the service or, when it fails, by the fallback."""
        if len(pcm) < SHORTEST:
            return NOT_UNDERSTOOD
        try:
            text = await self._request_text(pcm)
        except ServiceFailed as failure:
            return await self._transcribe_by_fallback(pcm, failure)
        return Transcript(text, 1.0) if text else NOT_UNDERSTOOD

    async def _request_text(self, pcm: bytes) -> str:
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

    async def _transcribe_by_fallback(self, pcm: bytes, failure: ServiceFailed) -> Transcript:
        try:
            await self._fallback.open()
        except HearingUnavailable:
            self._service.warn(failure, "the utterance is not understood")
            return NOT_UNDERSTOOD
        self._service.warn(failure, "the offline recogniser listens")
        recognition = self._fallback.listen()
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
        """Keep the sound. There is no text before the end."""
        self._pcm += pcm[: LONGEST - len(self._pcm)]
        return ""

    async def finish(self) -> Transcript:
        """Ask the service, or the fallback."""
        pcm = bytes(self._pcm)
        self._pcm.clear()
        return await self._recognizer.transcribe(pcm)

    async def abandon(self) -> None:
        """Drop the sound."""
        self._pcm.clear()


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        sound.writeframes(pcm)
    return file.getvalue()
