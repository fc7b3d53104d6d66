"""What a page has recorded of the avatar's voice, compared with what the avatar was to say."""

import numpy as np

from simulator.avatar.echo import COMPARED, likeness
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE as SPOKEN_RATE
from voice.speaking.utterance import Utterance

RATE = 16_000  # Hz, of recordings
VOICE = Voice("en-us+f3", 165, 50)  # of the demo's avatar (simulator.seed)
AUDIBLE = 100.0  # root mean square of 16-bit samples
FRAME = RATE // 50  # samples: 20 ms
PIECE = round(COMPARED * RATE)  # samples


async def spoken(text: str) -> Utterance:
    """Speak `text` as the demo's avatar does."""
    speaker = EspeakSpeaker()
    try:
        return await speaker.synthesize(text, VOICE)
    finally:
        await speaker.close()


def seconds_of_voice(recording: bytes) -> float:
    """Return how long a voice is heard in a recording, its pauses not counted."""
    return float((_loudness(recording) > AUDIBLE).sum() * FRAME / RATE)


async def most_likely(texts: list[str], recording: bytes) -> str:
    """Return the text that a recording sounds most like, as the avatar speaks it.

    On a busy machine a browser tears sound into pieces, so pieces are compared, and texts with each other.
    """
    found = {text: await _mean_likeness(text, recording) for text in texts}
    return max(found, key=found.__getitem__)


async def _mean_likeness(text: str, recording: bytes) -> float:
    said = resample((await spoken(text)).pcm, SPOKEN_RATE, RATE)
    played = resample(recording, RATE, SPOKEN_RATE)
    pieces = [said[2 * start :][: 2 * PIECE] for start in range(0, len(said) // 2 - PIECE, PIECE // 3)]
    voiced = [piece for piece in pieces if (_loudness(piece) > AUDIBLE).mean() > 0.5]
    return float(np.mean([likeness(piece, played) for piece in voiced]))


def _loudness(pcm: bytes) -> np.ndarray:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return np.sqrt((samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) ** 2).mean(axis=1))
