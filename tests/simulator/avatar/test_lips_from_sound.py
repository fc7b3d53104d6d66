"""Lips from sound, of speech and of other sound."""

import asyncio
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.avatar.lips import PRESS, REST, STEP, Mouth, track_from_phonemes
from simulator.avatar.lips_from_sound import SoundLips, trained_network
from simulator.avatar.rig import SIZES
from simulator.avatar.sprites import load_sprites
from simulator.avatar.train_lips import (
    SENTENCES,
    UNHEARD_SENTENCES,
    UNHEARD_VOICES,
    joined,
    judge,
    lesson,
    speak,
)
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE, Utterance

CLOCK = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE


def pcm(sound: np.ndarray) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def mouths(sound: bytes, *cuts: int) -> list[Mouth]:
    """Return the mouth every 20 ms of `sound`, cut into pieces at these bytes."""
    lips, pieces = SoundLips(), []
    for start, end in itertools.pairwise([0, *cuts, len(sound)]):
        pieces.append((start / BYTES_PER_SECOND, end / BYTES_PER_SECOND, lips.listen(sound[start:end])))
    moments = (np.arange(int(len(sound) / BYTES_PER_SECOND / STEP)) + 0.5) * STEP
    return [
        next(track.at(moment - start) for start, end, track in pieces if start <= moment < end)
        for moment in moments
    ]


def openings(shapes: list[Mouth]) -> np.ndarray:
    return np.array([mouth.opening for mouth in shapes])


def changes_per_second(shapes: list[Mouth]) -> float:
    return sum(one.sprite != other.sprite for one, other in itertools.pairwise(shapes)) / len(shapes) / STEP


@pytest.fixture(scope="module")
def utterance() -> Utterance:
    async def spoken() -> Utterance:
        speaker = EspeakSpeaker()
        try:
            text = "My name is Bob. I have a farm, and maybe you would like to move there before the summer."
            return await speaker.synthesize(text, Voice("en-us+Annie", 160, 45))
        finally:
            await speaker.close()

    return asyncio.run(spoken())


def test_the_network_generalises_to_other_voices_and_sentences():
    heard = asyncio.run(speak(UNHEARD_VOICES, SENTENCES[UNHEARD_SENTENCES]))

    scores = judge(trained_network(), joined(lesson(it) for it in heard))
    assert scores["opening"] >= 0.7 > 0.6 > scores["opening by loudness"]
    assert scores["width"] >= 0.65
    assert scores["lips that meet"] >= 0.7
    assert scores["teeth on the lip"] >= 0.6


def test_the_mouth_does_what_the_phonemes_say_at_nearly_the_same_moment(utterance):
    read = openings(mouths(utterance.pcm))
    track = track_from_phonemes(utterance.phonemes, utterance.seconds)
    meant = np.array([track.at((step + 0.5) * STEP).opening for step in range(len(read))])

    fits = [np.corrcoef(np.roll(read, -late), meant)[0, 1] for late in range(-2, 5)]
    assert max(fits) > 0.75
    assert 0 <= np.argmax(fits) - 2 <= 2  # steps late; the phonemes lead the sound by one


@pytest.mark.parametrize("piece", [BYTES_PER_SECOND, 960, 1920, 4802])
def test_the_size_of_pieces_does_not_matter(utterance, piece):
    whole = mouths(utterance.pcm)

    cut = mouths(utterance.pcm, *range(piece, len(utterance.pcm), piece))
    assert np.abs(openings(cut) - openings(whole)).mean() < 0.01
    assert np.mean([one.sprite == other.sprite for one, other in zip(cut, whole, strict=True)]) > 0.9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_every_piece_is_covered_from_its_start_to_its_end(lengths):
    lips = SoundLips()
    tone = pcm(0.3 * np.sin(2 * np.pi * 220 * CLOCK))
    start = 0
    lips.listen(tone[: SAMPLE_RATE // 2])  # opens the mouth
    for length in lengths:
        track = lips.listen(tone[start * 2 : (start + length) * 2])
        start += length

        last = (length - 1) / SAMPLE_RATE
        assert {track.at(moment) != REST for moment in np.linspace(0, last, 5)} == {True}


def test_an_empty_piece_has_no_shapes():
    assert SoundLips().listen(b"").at(0.0) == REST


@pytest.mark.parametrize(
    ("sound", "least", "most", "changes"),
    [
        (0 * CLOCK, 0.0, 0.0, 0),
        (0.001 * np.random.default_rng(1).normal(size=len(CLOCK)), 0.0, 0.0, 0),
        (0.3 * np.sin(2 * np.pi * 440 * CLOCK), 0.1, 0.5, 2),
        (0.02 * np.sin(2 * np.pi * 440 * CLOCK), 0.1, 0.5, 2),
        (0.3 * np.sin(2 * np.pi * 200 * CLOCK), 0.1, 0.5, 3),
        (0.2 * np.random.default_rng(2).normal(size=len(CLOCK)), 0.02, 0.35, 6),
        (sum(0.15 * np.sin(2 * np.pi * note * CLOCK) for note in (220, 277, 330)), 0.05, 0.5, 6),
    ],
    ids=["silence", "hiss", "tone", "soft tone", "low tone", "noise", "chord"],
)
def test_sound_without_speech_moves_the_lips_little_and_steadily(sound, least, most, changes):
    shapes = mouths(pcm(sound))

    settled = openings(shapes)[10:]
    assert least <= settled.mean() <= most
    assert settled.max() <= most + 0.1
    assert changes_per_second(shapes) <= changes


def test_a_pause_in_speech_closes_the_mouth(utterance):
    shapes = mouths(utterance.pcm + bytes(BYTES_PER_SECOND))

    assert shapes[-40:] == [REST] * 40


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.0])
def test_soft_and_loud_voices_open_the_mouth_alike(utterance, gain):
    samples = np.frombuffer(utterance.pcm, "<i2").astype(float) / 32768

    full = openings(mouths(pcm(samples)))[50:]
    scaled = openings(mouths(pcm(samples * gain)))[50:]
    assert np.abs(full - scaled).mean() < 0.08


def test_lips_that_meet_stay_together_for_a_video_frame(utterance):
    shapes = mouths(utterance.pcm)

    runs = [
        len(list(run)) for pressed, run in itertools.groupby(mouth is PRESS for mouth in shapes) if pressed
    ]
    assert len(runs) >= 5  # my, name, Bob twice, farm, maybe, move, summer
    assert min(runs) * STEP >= 0.04


def test_a_new_utterance_does_not_depend_on_the_last(utterance):
    lips = SoundLips()
    lips.listen(utterance.pcm)
    lips.reset()

    again, fresh = lips.listen(utterance.pcm), SoundLips().listen(utterance.pcm)
    moments = np.arange(0, utterance.seconds, STEP)
    assert [again.at(moment) for moment in moments] == [fresh.at(moment) for moment in moments]


def test_every_shape_that_is_read_was_drawn(utterance):
    sprites = load_sprites("mira", SIZES["low"][1])

    assert {mouth.sprite for mouth in mouths(utterance.pcm)} - {""} <= sprites.keys()
