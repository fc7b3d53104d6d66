"""Active speakers: the audio level that microphones put into their packets (RFC 6464), sampled per room."""

import asyncio
from typing import TYPE_CHECKING

from livekit.protocol import models as M
from livekit.protocol import rtc as R

if TYPE_CHECKING:
    from simulator.room.room import Room

INTERVAL = 0.4  # seconds, livekit-server's default
ACTIVE_BELOW = 35  # dB below full scale, livekit-server's default
STEP = 0.125  # levels are rounded to this, so that a steady voice causes no updates


async def watch(room: "Room") -> None:
    """Send speaker updates to the room when a participant starts, stops or clearly changes level, until cancelled."""
    before: dict[str, float] = {}
    while True:
        await asyncio.sleep(INTERVAL)
        now = levels(room)
        changes = {
            sid: now.get(sid, 0.0) for sid in now.keys() | before.keys() if now.get(sid) != before.get(sid)
        }
        before = now
        if changes:
            speakers = [
                M.SpeakerInfo(sid=sid, level=level, active=sid in now) for sid, level in changes.items()
            ]
            room.broadcast(speakers_changed=R.SpeakersChanged(speakers=speakers))


def levels(room: "Room") -> dict[str, float]:
    """Return the level (0 to 1) of each participant that speaks, by sid."""
    speaking: dict[str, float] = {}
    for track in room.tracks():
        loudness = track.source.take_loudness()
        if loudness <= ACTIVE_BELOW and not track.info.muted:
            level = max(STEP, round(10 ** (-loudness / 20) / STEP) * STEP)
            speaking[track.owner.sid] = max(level, speaking.get(track.owner.sid, 0.0))
    return speaking
