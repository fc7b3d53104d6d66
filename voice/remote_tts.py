"""Speech from an OpenAI-compatible service, and from espeak-ng when it fails."""

import asyncio
import io
import logging
import re
import wave

from voice.resample import resample
from voice.service import Service, ServiceFailed
from voice.settings import Endpoint
from voice.tts import Speaker, Voice, VoiceMissing
from voice.utterance import BYTES_PER_SECOND, SAMPLE_RATE, Utterance, WordMark

logger = logging.getLogger(__name__)

LONGEST = 120 * BYTES_PER_SECOND  # bytes; a sentence has at most 280 characters
USUAL_RATE = Voice().rate  # words a minute at speed 1
SPEED_MARGIN = 0.1  # voices of our own that are a little slower or quicker do not ask for another speed
_COMPRESSED = (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1")


class RemoteSpeaker:
    """`offline` speaks the sentences that the service fails at. `voice` is a voice's name at the service."""

    def __init__(self, endpoint: Endpoint, voice: str, offline: Speaker) -> None:
        self._service = Service("TTS", endpoint)
        self._voice = voice
        self._offline = offline

    async def open(self) -> None:
        """Load the client library, and start espeak-ng so that it can step in at once."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "espeak-ng speaks")
        try:
            await self._offline.open()
        except VoiceMissing as missing:
            logger.info("nothing can step in for the TTS service: %s", missing)

    async def synthesize(self, text: str, voice: Voice) -> Utterance:
        """Speak one sentence: of `voice` the rate is used, the rest serves espeak-ng. Raises `VoiceError`."""
        try:
            pcm = await self._ask(text, voice.rate / USUAL_RATE)
        except ServiceFailed as failure:
            self._service.warn(failure, "espeak-ng speaks this sentence")
            return await self._offline.synthesize(text, voice)
        return Utterance(text, pcm, _estimated_words(text, len(pcm) / BYTES_PER_SECOND), ())

    async def close(self) -> None:
        """Close the connections and the speech process."""
        await asyncio.gather(self._service.close(), self._offline.close())

    async def _ask(self, text: str, speed: float) -> bytes:
        other_speed = {} if abs(speed - 1) < SPEED_MARGIN else {"speed": round(min(max(speed, 0.25), 4.0), 2)}
        sound = bytearray()
        async with (
            self._service.call() as client,
            client.audio.speech.with_streaming_response.create(
                model=self._service.model,
                voice=self._voice,
                input=text,
                response_format="pcm",
                extra_body=other_speed,
            ) as response,
        ):
            async for piece in response.iter_bytes():
                sound += piece
                if len(sound) > LONGEST:
                    raise ServiceFailed(f"it sent more than {LONGEST // BYTES_PER_SECOND} s of sound")
            return _pcm(bytes(sound), response.headers.get("content-type", ""))


def _pcm(sound: bytes, content_type: str) -> bytes:
    """24 kHz 16-bit mono PCM of an answer that should be just that; some servers send a WAV file all the same."""
    if sound.startswith(b"RIFF"):
        return _from_wav(sound)
    if sound.startswith(_COMPRESSED) or content_type.startswith(("text/", "application/json")):
        raise ServiceFailed(f"it sent {content_type or 'something'} where PCM was asked for")
    if len(sound) < 2:
        raise ServiceFailed("it sent no sound")
    return sound[: len(sound) // 2 * 2]


def _from_wav(sound: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(sound)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ServiceFailed("it sent a WAV file that is not 16-bit mono")
            # A WAV file that was streamed says it has 2 GB: what is there counts.
            pcm = file.readframes(len(sound) // 2)
            return resample(pcm[: len(pcm) // 2 * 2], file.getframerate(), SAMPLE_RATE)
    except (wave.Error, EOFError):
        raise ServiceFailed("it sent a WAV file that cannot be read") from None


def _estimated_words(text: str, seconds: float) -> tuple[WordMark, ...]:
    """Word marks as if every letter took the same time."""
    return tuple(
        WordMark(word.start(), round(1000 * seconds * word.start() / len(text)))
        for word in re.finditer(r"\S+", text)
    )
