"""The movement of the presenter, frame by frame."""

import itertools
import random

import pytest

from simulator.avatar.lips import REST, Mouth
from simulator.avatar.motion import BEARINGS, Mood, Motion
from simulator.avatar.rig import AVATARS, SIZES, View
from simulator.avatar.sprites import load_sprites

FRAME = 0.04
WIDE_OPEN = Mouth("mouth_open7_wide2", 1.0)


def poses(mood: Mood, seconds: float = 30.0, mouth: Mouth = REST, seed: int = 1):
    motion = Motion(random.Random(seed))
    return [motion.at(index * FRAME, mood, mouth) for index in range(int(seconds / FRAME))]


@pytest.mark.parametrize("mood", Mood)
@pytest.mark.parametrize("avatar", AVATARS)
def test_every_pose_of_every_mood_was_drawn(mood, avatar):
    sprites = load_sprites(avatar, SIZES["low"][1])

    for pose in poses(mood, 120.0, WIDE_OPEN if mood is Mood.SPEAKING else REST):
        assert {pose.eyes, pose.mouth} <= sprites.keys()


@pytest.mark.parametrize("mood", Mood)
def test_eyes_blink_for_four_frames_every_two_to_six_seconds(mood):
    lids = [pose.eyes.split("_")[1] for pose in poses(mood, 60.0)]

    starts = [index for index in range(1, len(lids)) if lids[index] != "open" and lids[index - 1] == "open"]
    assert all(lids[start : start + 4] == ["half", "closed", "closed", "soft"] for start in starts[:-1])
    gaps = [(later - earlier) * FRAME for earlier, later in itertools.pairwise(starts)]
    assert all(2.1 < gap < 5.8 for gap in gaps)


@pytest.mark.parametrize(("mood", "turn"), [(Mood.LISTENING, 2.6), (Mood.THINKING, -2.2), (Mood.IDLE, 0.0)])
def test_a_mood_leans_the_head(mood, turn):
    settled = poses(mood)[100:]

    assert all(abs(pose.turn - turn) < 0.7 for pose in settled)


def test_the_head_moves_smoothly_to_a_new_mood():
    motion = Motion(random.Random(1))
    motion.at(0.0, Mood.LISTENING, REST)
    turns = [motion.at(index * FRAME, Mood.THINKING, REST).turn for index in range(1, 50)]

    steps = [abs(later - earlier) for earlier, later in itertools.pairwise(turns)]
    assert max(steps) < 0.6
    assert turns[-1] < -1.6


def test_a_listening_presenter_looks_at_the_viewer_and_nods():
    listening = poses(Mood.LISTENING, 20.0)

    assert {pose.eyes.split("_")[2] for pose in listening} == {"centre"}
    assert all(pose.eyes.endswith("raised") for pose in listening)
    assert max(pose.shift_y for pose in listening) > 5


def test_a_thinking_presenter_looks_up():
    assert all("_up" in pose.eyes or "closed" in pose.eyes for pose in poses(Mood.THINKING))


def test_an_open_mouth_lifts_the_head_and_the_brows():
    still = poses(Mood.SPEAKING, 3.0)[-1]
    loud = poses(Mood.SPEAKING, 3.0, WIDE_OPEN)[-1]

    assert loud.shift_y < still.shift_y - 3
    assert loud.eyes.endswith("raised")
    assert loud.mouth == "mouth_open7_wide2"


@pytest.mark.parametrize("mood", Mood)
def test_a_mouth_at_rest_smiles_as_the_mood_does(mood):
    assert poses(mood, 1.0)[-1].mouth == f"mouth_rest{BEARINGS[mood].smile}"


def test_the_presenter_does_not_jump_after_a_pause_of_the_process():
    motion = Motion(random.Random(1))
    before = motion.at(0.0, Mood.IDLE, REST)
    after = motion.at(60.0, Mood.LISTENING, REST)

    assert abs(after.turn - before.turn) < 2


def test_the_same_seed_gives_the_same_performance():
    assert poses(Mood.IDLE, 10.0, seed=7) == poses(Mood.IDLE, 10.0, seed=7)
    assert poses(Mood.IDLE, 10.0, seed=7) != poses(Mood.IDLE, 10.0, seed=8)


def test_poses_that_look_the_same_become_equal():
    view = View(*SIZES["low"])

    distinct = {pose.snapped(view) for pose in poses(Mood.IDLE, 10.0)}
    assert 20 < len(distinct) < 150
