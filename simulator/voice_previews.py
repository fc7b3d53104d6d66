"""Sound samples of the voices: one sentence each, synthesized once and cached."""

import asyncio
import io
import wave

from simulator.world import Voice
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice as Timbre
from voice.speaking.utterance import SAMPLE_RATE

MOST_KEPT = 50


class VoicePreviews:
    """A cache of previews. Each synthesis starts and ends its own speech process, since previews are rare."""

    def __init__(self) -> None:
        self._spoken: dict[tuple[str, Timbre], bytes] = {}
        self._one_at_a_time = asyncio.Lock()

    async def of(self, voice: Voice) -> bytes:
        """Return a WAV file, 24 kHz, 16 bit, mono. Raises VoiceError on a machine without speech synthesis."""
        key = (voice.name, Timbre(voice.espeak, voice.rate, voice.pitch))
        async with self._one_at_a_time:
            if key not in self._spoken:
                self._spoken[key] = await _spoken(*key)
                if len(self._spoken) > MOST_KEPT:
                    del self._spoken[next(iter(self._spoken))]
        return self._spoken[key]


async def _spoken(name: str, timbre: Timbre) -> bytes:
    speaker = EspeakSpeaker()
    try:
        utterance = await speaker.synthesize(f"Hello, I am {name}. This is how I sound.", timbre)
    finally:
        await speaker.close()
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(utterance.pcm)
    return file.getvalue()
