"""The rendered pictures."""

import io
import random
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from PIL import Image

from simulator.avatar.bake import ART, bake
from simulator.avatar.frames import FrameBuffer
from simulator.avatar.layer_cache import LayerCache
from simulator.avatar.lips import REST, Mouth
from simulator.avatar.motion import Mood, Motion
from simulator.avatar.painter import Painter
from simulator.avatar.pose import Pose
from simulator.avatar.rig import AVATARS, SIZES, View
from simulator.avatar.sprites import load_sprites

STILL = Pose(0.0, 0.0, 0.0, 0.0, "eyes_open_centre_rest", "mouth_rest2")
AWAY = replace(STILL, shift_x=3.0)  # a pose after this one is painted as a whole
LOW = View(*SIZES["low"])


@pytest.fixture(scope="module")
def painter():
    return Painter(load_sprites("ava", LOW.height), LOW)


def frame(painter: Painter, *poses: Pose) -> Image.Image:
    """Return the whole frame after these poses."""
    shown = painter.background.copy()
    for pose in poses:
        patch = painter.paint(pose)
        shown.paste(patch.picture, (patch.box.x, patch.box.y))
    return shown


def pixels(painter: Painter, pose: Pose) -> np.ndarray:
    return np.asarray(frame(painter, AWAY, pose.snapped(LOW))).astype(int)


def flat(painter: Painter, sprites: dict[str, Any], pose: Pose) -> Image.Image:
    """Return the whole frame, composed without any turn: the drawing itself."""
    frame = painter.background.convert("RGBA")
    for name in ("hair_back", "body", "head", pose.eyes, pose.mouth):
        frame.alpha_composite(sprites[name].image, sprites[name].at)
    return frame.convert("RGB")


@pytest.mark.parametrize("avatar", AVATARS)
@pytest.mark.parametrize("quality", SIZES)
def test_a_still_pose_is_the_drawing(avatar, quality):
    view = View(*SIZES[quality])
    sprites = load_sprites(avatar, view.height)
    painter = Painter(sprites, view)

    expected = np.asarray(flat(painter, sprites, STILL)).astype(int)
    assert np.abs(np.asarray(frame(painter, STILL)).astype(int) - expected).max() <= 3


@pytest.mark.parametrize("quality", SIZES)
def test_the_frame_has_the_size_of_its_quality(quality):
    view = View(*SIZES[quality])

    painter = Painter(load_sprites("mira", view.height), view)

    assert painter.background.size == SIZES[quality]


@pytest.mark.parametrize("mood", Mood)
def test_nothing_leaves_the_stage(painter, mood):
    motion = Motion(random.Random(2))
    backdrop = np.asarray(painter.background).astype(int)
    stage = painter.stage
    edges = (
        np.s_[stage.y, stage.x : stage.x + stage.width],
        np.s_[stage.y : stage.y + stage.height, stage.x],
        np.s_[stage.y : stage.y + stage.height, stage.x + stage.width - 1],
    )
    for index in range(750):
        pose = motion.at(index * 0.04, mood, REST)
        if index % 25 == 0:
            painted = pixels(painter, pose)
            for edge in edges:
                assert np.abs(painted[edge] - backdrop[edge]).max() == 0


def test_a_turn_to_the_right_moves_the_crown_to_the_right(painter):
    upright, turned = pixels(painter, STILL), pixels(painter, replace(STILL, turn=4.0))

    def middle_of_the_crown(frame):
        row = frame[55]
        dark = np.flatnonzero(row.sum(axis=1) < 250)
        return dark.mean()

    assert middle_of_the_crown(turned) > middle_of_the_crown(upright) + 5


def test_only_the_mouth_differs_when_only_the_mouth_moves(painter):
    shut, open_ = pixels(painter, STILL), pixels(painter, replace(STILL, mouth="mouth_open7_wide2"))

    y, x = np.nonzero(np.abs(shut - open_).sum(axis=2))
    assert LOW.x(572) - 2 <= x.min()
    assert x.max() <= LOW.x(572 + 136) + 2
    assert LOW.y(378) - 2 <= y.min()
    assert y.max() <= LOW.y(378 + 86) + 2


@pytest.mark.parametrize("mood", Mood)
def test_painting_only_what_changed_shows_the_same_as_painting_everything(painter, mood):
    motion = Motion(random.Random(4))
    mouths = [Mouth(f"mouth_open{index % 8 or 1}_wide{index % 5}", index % 8 / 7) for index in range(50)]
    poses = [motion.at(index * 0.04, mood, mouth).snapped(LOW) for index, mouth in enumerate(mouths)]

    gradually = frame(painter, *poses)
    assert gradually.tobytes() == frame(painter, AWAY, poses[-1]).tobytes()


def test_a_head_that_keeps_still_is_not_painted_again(painter):
    painter.paint(STILL)

    speaking = painter.paint(replace(STILL, mouth="mouth_open7_wide2"))
    nodding = painter.paint(replace(STILL, shift_y=4.0))

    assert speaking.box.width * speaking.box.height < 0.25 * painter.stage.width * painter.stage.height
    assert nodding.box == painter.stage


def test_a_frame_buffer_shows_the_picture_it_was_given(painter):
    buffer = FrameBuffer(painter.background)
    for pose in (AWAY, STILL, replace(STILL, mouth="mouth_open7_wide2"), STILL):
        buffer.write(painter.paint(pose))

    back = buffer.frame.convert(rtc.VideoBufferType.RGB24)
    shown = np.frombuffer(bytes(back.data), np.uint8).reshape(LOW.height, LOW.width, 3).astype(int)
    expected = np.asarray(flat(painter, load_sprites("ava", LOW.height), STILL)).astype(int)
    # Colour has half the resolution, so compare areas, not pixels.
    areas = [frame.reshape(45, 8, 80, 8, 3).mean(axis=(1, 3)) for frame in (shown, expected)]
    assert np.abs(areas[0] - areas[1]).max() < 8


def test_the_cache_holds_no_more_than_its_bytes_and_forgets_the_oldest():
    drawn = []
    cache = LayerCache(max_bytes=3 * 400)

    def layer(key):
        def draw():
            drawn.append(key)
            return Image.new("RGBA", (10, 10))

        return cache.get(key, draw)

    for key in ("a", "b", "c", "a", "d", "a", "b"):
        layer(key)

    assert drawn == ["a", "b", "c", "d", "b"]


def test_the_baked_sprites_are_those_of_the_drawings():
    fresh = zipfile.ZipFile(io.BytesIO(bake(ART / "ava", LOW)))
    committed = zipfile.ZipFile(ART / "ava-360.zip")

    assert fresh.namelist() == committed.namelist()
    for name in fresh.namelist():
        images = [Image.open(io.BytesIO(pack.read(name))) for pack in (fresh, committed)]
        assert images[0].tobytes() == images[1].tobytes(), name
