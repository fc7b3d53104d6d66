"""English sentences as a person says them into a microphone in a quiet room."""

import numpy as np

from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE

RATE = 16_000  # Hz, of a microphone


FRAME = RATE // 20  # samples


async def spoken(mouth: EspeakSpeaker, text: str) -> np.ndarray:
    """A person who says it into a microphone in a quiet room, with a second of silence around it."""
    utterance = await mouth.synthesize(text, Voice("en-us+m3", 160, 50))
    samples = np.frombuffer(resample(utterance.pcm, SAMPLE_RATE, RATE), "<i2").astype(float)
    samples *= 2000 / np.sqrt(np.mean(samples[np.abs(samples) > 100] ** 2))
    return in_a_quiet_room(np.pad(samples, RATE))


def in_a_quiet_room(samples: np.ndarray) -> np.ndarray:
    hiss = np.random.default_rng(7).normal(0, 8, len(samples))
    return np.clip(samples + hiss, -32768, 32767).astype("<i2")
