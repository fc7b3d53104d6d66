"""Mouth shapes from phonemes."""
# ruff: noqa: RUF001 - IPA

import pytest

from simulator.avatar.lips import PRESS, REST, STEP, TEETH, track_from_phonemes
from simulator.avatar.rig import SIZES
from simulator.avatar.sprites import load_sprites
from voice.speaking.silent_utterance import silent_utterance
from voice.speaking.utterance import PhonemeMark


def track(*sounds: tuple[str, int]):
    """Return the track of (IPA, start ms), which ends in a pause of 200 ms."""
    marks = [PhonemeMark(ipa, start) for ipa, start in sounds]
    return track_from_phonemes([*marks, PhonemeMark("", 400)], 0.6)


@pytest.mark.parametrize(
    ("ipa", "sprite"),
    [
        ("ˈɑː", "mouth_open7_wide2"),
        ("iː", "mouth_open2_wide4"),
        ("uː", "mouth_open2_wide0"),
        ("m", "mouth_press"),
        ("b", "mouth_press"),
        ("f", "mouth_fv"),
        ("v", "mouth_fv"),
        ("t", "mouth_open2_wide2"),
        ("tʃ", "mouth_open2_wide1"),
        ("ʘ", "mouth_open2_wide2"),  # an unknown click still moves the mouth
        ("", ""),
    ],
)
def test_every_sound_has_its_shape(ipa, sprite):
    assert track((ipa, 0)).at(0.2).sprite == sprite


def test_a_diphthong_glides_from_its_first_to_its_second_vowel():
    mouth = track(("aɪ", 0))

    assert mouth.at(0.06).opening > 0.6
    assert mouth.at(0.32).opening < 0.4


def test_the_mouth_moves_twenty_milliseconds_before_the_sound():
    mouth = track(("", 0), ("m", 200))

    assert mouth.at(0.17) == REST
    assert mouth.at(0.185) == PRESS


def test_the_shortest_press_lasts_for_a_video_frame():
    mouth = track(("ɑ", 0), ("b", 200), ("ɑ", 210))

    pressed = [step for step in range(30) if mouth.at(step * STEP) == PRESS]
    assert len(pressed) * STEP >= 0.04


def test_lips_open_by_degrees():
    mouth = track(("", 0), ("ɑ", 200))

    openings = [mouth.at(step * STEP).opening for step in range(8, 13)]
    assert openings == sorted(openings)
    assert 0 < openings[1] < openings[-1]


def test_presses_and_teeth_are_not_softened():
    mouth = track(("ɑ", 0), ("m", 200), ("f", 280), ("ɑ", 360))

    assert mouth.at(0.21) is PRESS
    assert mouth.at(0.29) is TEETH


@pytest.mark.parametrize("seconds", [-0.1, 0.62, 99.0])
def test_outside_the_sound_the_mouth_rests(seconds):
    assert track(("ɑ", 0)).at(seconds) == REST


def test_every_shape_of_speech_was_drawn():
    sprites = load_sprites("ava", SIZES["low"][1])
    utterance = silent_utterance(
        "The quick brown fox jumps over the lazy dog, while we move from view to view."
    )
    mouth = track_from_phonemes(utterance.phonemes, utterance.seconds)

    shapes = {mouth.at(step * STEP).sprite for step in range(int(utterance.seconds / STEP))}
    assert len(shapes) > 6
    assert shapes - {""} <= sprites.keys()
