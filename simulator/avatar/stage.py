"""The avatar's participant: its face and its voice, in FULL and in LITE sessions."""

import asyncio
import random
from collections.abc import Callable

from livekit import rtc

from simulator.avatar.camera import FRAME_TIME, FRAMES_PER_SECOND, Camera
from simulator.avatar.faults import Faults
from simulator.avatar.job import Appearance
from simulator.avatar.joining import join
from simulator.avatar.motion import Mood, Motion
from simulator.avatar.painter import Painter
from simulator.avatar.playback import Playback
from simulator.avatar.pose import Pose
from simulator.avatar.publishing import publish_video, publish_voice
from simulator.avatar.rig import View
from simulator.avatar.sprites import load_sprites
from simulator.avatar.voice_source import VoiceSource


class RoomLost(Exception):
    """The room has closed, or has removed the avatar."""


class Stage:
    """Joins the room, shows the avatar in `mood()` and plays the clips of `playback`."""

    def __init__(self, job: Appearance, mood: Callable[[], Mood], faults: Faults) -> None:
        self.room = rtc.Room()
        self._job = job
        self._mood = mood
        self._faults = faults
        self._voice = VoiceSource(faults)
        self.playback = Playback(self._voice)
        self._motion = Motion(random.Random(job.session_id))
        self._camera: Camera | None = None
        self._shown: Pose | None = None

    async def join(self) -> None:
        """Join the room and load the face. Raises a group of `JoinFailed`."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(join(self.room, self._job.livekit_url, self._job.avatar_token, "the avatar"))
            view = View(*self._job.size)
            sprites = await asyncio.to_thread(load_sprites, self._job.avatar, view.height)
            self._camera = Camera(Painter(sprites, view), view, self._pose)

    async def run(self) -> None:
        """Film and play until cancelled. Call after `join`."""
        assert self._camera is not None
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._camera.run())
            parts.create_task(self.playback.run())

    async def publish(self) -> rtc.LocalTrackPublication:
        """Publish picture and voice while `run` is running; return the voice's publication.

        One after the other: if both are published at once, the SDK may offer the picture before it has chosen the
        codec.
        """
        assert self._camera is not None
        await publish_video(
            self.room, self._camera.source, self._job.size[1], FRAMES_PER_SECOND, self._job.encoding
        )
        return await publish_voice(self.room, self._voice.source)

    def played(self) -> bytes:
        """Return the sound that the avatar played last, see `VoiceSource.played`."""
        return self._voice.played()

    async def leave(self) -> None:
        await self.room.disconnect()

    def _pose(self, now: float) -> Pose:
        if self._shown is None or not self._faults.frozen:
            # A frame is visible for its whole duration, so it shows the mouth of its middle.
            self._shown = self._motion.at(now, self._mood(), self.playback.mouth(ahead=FRAME_TIME / 2))
        return self._shown
