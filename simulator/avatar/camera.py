"""The avatar's camera: writes 25 frames a second into a video source."""

import asyncio
from collections.abc import Callable

from livekit import rtc

from simulator.avatar.frames import FrameBuffer
from simulator.avatar.painter import Painter
from simulator.avatar.pose import Pose
from simulator.avatar.rig import View

FRAMES_PER_SECOND = 25
FRAME_TIME = 1 / FRAMES_PER_SECOND


class Camera:
    """`pose_at(now)` returns the pose of each frame; `now` is the event loop's time in seconds."""

    def __init__(self, painter: Painter, view: View, pose_at: Callable[[float], Pose]) -> None:
        self.source = rtc.VideoSource(view.width, view.height)
        self._painter = painter
        self._view = view
        self._pose_at = pose_at
        self._buffer = FrameBuffer(painter.background)
        self._shown: Pose | None = None

    async def run(self) -> None:
        """Film until cancelled. Late frames are skipped."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self.film(clock())
            due = max(due + FRAME_TIME, clock())
            await asyncio.sleep(due - clock())

    def film(self, now: float) -> None:
        """Send one frame. It is drawn and converted only if the pose has changed."""
        pose = self._pose_at(now).snapped(self._view)
        if pose != self._shown:
            self._buffer.write(self._painter.paint(pose))
            self._shown = pose
        self.source.capture_frame(self._buffer.frame)
