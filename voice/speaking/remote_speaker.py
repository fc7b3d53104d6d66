"""Speech from an OpenAI-compatible service, and from another speaker when the service fails."""

import asyncio
import io
import logging
import re
import wave

from voice.remote_service import RemoteService, ServiceFailed
from voice.settings import Endpoint
from voice.speaking.resample import resample
from voice.speaking.speaker import Speaker, Voice, VoiceMissing
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE, Utterance, WordMark

logger = logging.getLogger(__name__)

LONGEST = 120 * BYTES_PER_SECOND  # bytes; a sentence has at most 280 characters
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz, of a WAV file
USUAL_RATE = Voice().rate  # words a minute at speed 1
SPEED_MARGIN = 0.1  # our voices differ a little in rate; within this margin no speed is asked for
_COMPRESSED = (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1")


class RemoteSpeaker:
    """`fallback` speaks the sentences that the service fails at. `voice` is a voice's name at the service."""

    def __init__(self, endpoint: Endpoint, voice: str, *, fallback: Speaker) -> None:
        self._service = RemoteService("TTS", endpoint)
        self._voice = voice
        self._fallback = fallback

    async def open(self) -> None:
        """Load the client library and the fallback, so that it can step in at once."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "the offline voice speaks")
        try:
            await self._fallback.open()
        except VoiceMissing as missing:
            logger.info("the TTS service has no fallback: %s", missing)

    async def synthesize(self, text: str, voice: Voice) -> Utterance:
        """Speak one sentence at the rate of `voice`; the rest of it is for the fallback. Raises `VoiceError`."""
        try:
            pcm = await self._request_pcm(text, voice.rate / USUAL_RATE)
        except ServiceFailed as failure:
            self._service.warn(failure, "the offline voice speaks this sentence")
            return await self._fallback.synthesize(text, voice)
        return Utterance(text, pcm, _estimate_words(text, len(pcm) / BYTES_PER_SECOND), ())

    async def close(self) -> None:
        """Close the connections and the fallback."""
        await asyncio.gather(self._service.close(), self._fallback.close())

    async def _request_pcm(self, text: str, speed: float) -> bytes:
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
            return _to_pcm(bytes(sound), response.headers.get("content-type", ""))


def _to_pcm(sound: bytes, content_type: str) -> bytes:
    """Return the sound as 24 kHz 16-bit mono PCM. That was asked for, but some servers send a WAV file."""
    if sound.startswith(b"RIFF"):
        return _read_wav(sound)
    if sound.startswith(_COMPRESSED) or content_type.startswith(("text/", "application/json")):
        raise ServiceFailed(f"it sent {content_type or 'something'} where PCM was asked for")
    if len(sound) < 2:
        raise ServiceFailed("it sent no sound")
    return sound[: len(sound) // 2 * 2]


def _read_wav(sound: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(sound)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ServiceFailed("it sent a WAV file that is not 16-bit mono")
            if not LOWEST_RATE <= file.getframerate() <= HIGHEST_RATE:
                raise ServiceFailed(f"it sent a WAV file of {file.getframerate()} Hz")
            # The header of a streamed WAV file says 2 GB: read the frames that are there.
            pcm = file.readframes(len(sound) // 2)
            return resample(pcm[: len(pcm) // 2 * 2], file.getframerate(), SAMPLE_RATE)
    except (wave.Error, EOFError):
        raise ServiceFailed("it sent a WAV file that cannot be read") from None


def _estimate_words(text: str, seconds: float) -> tuple[WordMark, ...]:
    """Mark the words as if every character took the same time."""
    return tuple(
        WordMark(word.start(), round(1000 * seconds * word.start() / len(text)))
        for word in re.finditer(r"\S+", text)
    )
