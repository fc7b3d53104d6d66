"""`python -m simulator.avatar.train_lips`: train the network that reads lips from sound, and print its scores.

The mouth of synthetic voices is known from their phonemes (`lips.track_from_phonemes`). The scores are for voices and
sentences that the network was not trained on. Takes a minute; the weights are committed.
"""

import asyncio
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.avatar.lips import PRESS, STEP, TEETH, WIDTHS, Mouth, track_from_phonemes
from simulator.avatar.lips_from_sound import NETWORK, Network
from simulator.avatar.mel_bands import BANDS, HOP, LOOKS, Floats, MelBands, samples_of
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE, Utterance

logger = logging.getLogger(__name__)

SENTENCES = Path(__file__).with_name("train_lips.txt").read_text().splitlines()
VOICES = (
    "en-us+f1", "en-us+f3", "en-us+m3", "en-us+m7", "en-us+Mike", "en-us+Andy", "en-us+Alicia",
    "en-gb-scotland+f5", "en-gb-x-rp+m1", "de+f2", "es+m2", "it+f4",
)  # fmt: skip
UNHEARD_VOICES = ("en-us+Annie", "en-us+f2", "en-gb-x-gbclan+m4")
UNHEARD_SENTENCES = slice(4, None, 5)
HIDDEN = 24
EPOCHS, BATCH, RATE = 60, 256, 0.004
WEIGHTS = np.array(
    [3.0, 1.0, 0.6, 0.6], np.float32
)  # weights in the loss: opening, width, lips that meet, teeth
NOISES = 120  # pieces of two seconds

Examples = tuple[Floats, Floats]  # features and mouths, a row a step
Weights = NDArray[np.float64]


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chance = np.random.default_rng(1)
    heard = [sentence for sentence in SENTENCES if sentence not in SENTENCES[UNHEARD_SENTENCES]]
    spoken = asyncio.run(speak(VOICES, heard))
    lessons = joined([*(lesson(utterance, chance) for utterance in spoken), *noises(chance)])
    exam = joined(lesson(it) for it in asyncio.run(speak(UNHEARD_VOICES, SENTENCES[UNHEARD_SENTENCES])))
    network = train(lessons, chance)
    np.savez(NETWORK, inner=network.inner, outer=network.outer)
    logger.info("%d training steps, %d validation steps, %d weights", len(lessons[0]), len(exam[0]),
                network.inner.size + network.outer.size)  # fmt: skip
    for name, score in judge(network, exam).items():
        logger.info("%-20s %.2f", name, score)
    return 0


async def speak(voices: Iterable[str], sentences: list[str]) -> list[Utterance]:
    """Return every sentence by every voice, at different rates and pitches."""
    speaker = EspeakSpeaker()
    try:
        return [
            await speaker.synthesize(sentence, Voice(voice, 130 + 18 * (index % 4), 35 + 15 * (index % 3)))
            for voice in voices
            for index, sentence in enumerate(sentences)
        ]
    finally:
        await speaker.close()


def lesson(utterance: Utterance, chance: np.random.Generator | None = None) -> Examples:
    """Return features and mouths of an utterance; with `chance` as another microphone would record it."""
    samples = samples_of(utterance.pcm)
    samples = samples[: len(samples) // HOP * HOP]
    features, _ = MelBands().measure(samples if chance is None else recorded(samples, chance))
    track = track_from_phonemes(utterance.phonemes, utterance.seconds)
    # A track leads the sound by one step, and a step is measured at its end.
    mouths = [_numbers(track.at((step - 0.5) * STEP)) for step in range(len(features))]
    return features, np.array(mouths, np.float32)


def recorded(samples: Floats, chance: np.random.Generator) -> Floats:
    """Return the sound duller or brighter, softer or louder, and with some hiss."""
    toned = samples + chance.uniform(-0.5, 0.5) * np.append(0, samples[:-1])
    hiss = chance.normal(0, 10 ** chance.uniform(-4.5, -2.7), len(samples))
    return (toned * 10 ** chance.uniform(-1, 0.2) + hiss).astype(np.float32)


def noises(chance: np.random.Generator) -> Iterator[Examples]:
    """Yield examples without speech. They move the lips a little and steadily; tones and chords more than noise."""
    clock = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    for number in range(NOISES):
        if number % 2:
            pitch, overtones = chance.uniform(100, 1500), np.arange(1, chance.integers(2, 6))
            sound = sum(
                chance.uniform() / tone * np.sin(2 * np.pi * (tone * pitch * clock + chance.uniform()))
                for tone in overtones
            )
        else:
            spectrum = np.fft.rfft(chance.normal(0, 1, len(clock)))
            sound = np.fft.irfft(spectrum / np.arange(1, len(spectrum) + 1) ** chance.uniform(0, 0.6))
        sound = sound / np.abs(sound).max() * 10 ** chance.uniform(-1.5, -0.1)
        features, _ = MelBands().measure(sound.astype(np.float32))
        mouth = (0.3 if number % 2 else 0.15, 0.5, 0.0, 0.0)
        yield features, np.tile(np.array(mouth, np.float32), (len(features), 1))


def train(lessons: Examples, chance: np.random.Generator) -> Network:
    """Train by Adam with a cosine schedule, on the cross entropy of each of the four outputs."""
    features, mouths = lessons
    inputs = LOOKS * BANDS
    weights: list[Weights] = [
        chance.normal(0, inputs**-0.5, (inputs + 1, HIDDEN)),
        chance.normal(0, HIDDEN**-0.5, (HIDDEN + 1, 4)),
    ]
    first, second = ([np.zeros_like(part) for part in weights] for _ in range(2))
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2
        for batch in np.array_split(chance.permutation(len(features)), len(features) // BATCH):
            step += 1
            for index, slope in enumerate(_slopes(weights, features[batch], mouths[batch])):
                first[index] += 0.1 * (slope - first[index])
                second[index] += 0.001 * (slope**2 - second[index])
                steep = np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8
                weights[index] -= rate * first[index] / (1 - 0.9**step) / steep
    return Network(weights[0].astype(np.float32), weights[1].astype(np.float32))


def _slopes(weights: list[Weights], features: Floats, mouths: Floats) -> tuple[Weights, Weights]:
    """Return the gradient of a batch's loss for the weights of each layer."""
    inner, outer = weights
    hidden = np.tanh(features @ inner[:-1] + inner[-1])
    said = 1 / (1 + np.exp(-(hidden @ outer[:-1] + outer[-1])))
    wrong = (said - mouths) * WEIGHTS / len(features)
    wrong[:, 1] *= mouths[:, 0] > 0  # a shut mouth has no width
    back = (wrong @ outer[:-1].T) * (1 - hidden**2)
    return (
        np.vstack([features.T @ back, back.sum(axis=0)]),
        np.vstack([hidden.T @ wrong, wrong.sum(axis=0)]),
    )


def judge(network: Network, exam: Examples) -> dict[str, float]:
    """Return correlations with the phonemes' mouth; width only where it is open. Loudness is the baseline."""
    features, mouths = exam
    said = network(features)
    is_open = mouths[:, 0] > 0
    loudness = (10 ** (2 * features[:, :BANDS])).mean(axis=1) ** 0.5
    return {
        "opening": _correlation(said[:, 0], mouths[:, 0]),
        "opening by loudness": _correlation(loudness, mouths[:, 0]),
        "width": _correlation(said[is_open, 1], mouths[is_open, 1]),
        "lips that meet": _correlation(said[:, 2], mouths[:, 2]),
        "teeth on the lip": _correlation(said[:, 3], mouths[:, 3]),
    }


def joined(examples: Iterable[Examples]) -> Examples:
    features, mouths = zip(*examples, strict=True)
    return np.vstack(features), np.vstack(mouths)


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _numbers(mouth: Mouth) -> tuple[float, float, float, float]:
    """Return opening, width, lips that meet, teeth on the lip."""
    wide = int(mouth.sprite[-1]) / WIDTHS if mouth.sprite.startswith("mouth_open") else 0.5
    return mouth.opening, wide, float(mouth is PRESS), float(mouth is TEETH)


if __name__ == "__main__":
    sys.exit(main())
