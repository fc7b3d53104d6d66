"""Sound of a microphone: voices in a room that is not silent."""

import numpy as np
from numpy.typing import NDArray

from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE as SPOKEN_RATE

RATE = 16_000  # Hz
FEMALE, MALE, BRITISH = (
    Voice("en-us+f3", 160, 50),
    Voice("en-us+Mike", 160, 45),
    Voice("en-gb-x-rp+m3", 150, 40),
)


async def spoken(text: str, voice: Voice = FEMALE, *, pause: float = 0.4, noise: float = 40.0) -> bytes:
    """Return `text` as 16 kHz 16-bit mono, `pause` seconds before and after it, with a hiss of `noise` (RMS)."""
    speaker = EspeakSpeaker()
    try:
        utterance = await speaker.synthesize(text, voice)
    finally:
        await speaker.close()
    return in_room(resample(utterance.pcm, SPOKEN_RATE, RATE), pause=pause, noise=noise)


def in_room(pcm: bytes, *, pause: float, noise: float) -> bytes:
    """Return `pcm` at half its loudness, with a hiss around and under it."""
    silence = np.zeros(int(pause * RATE))
    sound = np.concatenate([silence, np.frombuffer(pcm, "<i2") * 0.5, silence])
    return samples(sound + hiss(len(sound), noise))


def hiss(count: int, loudness: float) -> NDArray[np.float64]:
    """Return `count` samples of white noise, the same every time."""
    return np.random.default_rng(7).normal(0, loudness, count) if loudness else np.zeros(count)


def samples(sound: NDArray[np.float64]) -> bytes:
    pcm: bytes = np.clip(np.rint(sound), -32_768, 32_767).astype("<i2").tobytes()
    return pcm
