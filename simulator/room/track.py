"""A published track."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import models as M
from livekit.protocol import rtc as R

from simulator.room.relay import Source
from simulator.room.sids import sid

if TYPE_CHECKING:
    from simulator.room.participant import Participant


@dataclass(slots=True, eq=False)
class Track:
    """What is known of a track, and where its packets come from."""

    info: M.TrackInfo
    owner: "Participant"
    source: Source
    heard: bool = False  # whether the owner has been told of its first subscriber

    @property
    def sid(self) -> str:
        return self.info.sid


def announced(request: R.AddTrackRequest) -> M.TrackInfo:
    """The description of a track its publisher is about to send."""
    return M.TrackInfo(
        sid=sid("TR"),
        type=request.type,
        name=request.name,
        source=request.source,
        muted=request.muted,
        width=request.width,
        height=request.height,
        layers=request.layers,
        stream=request.stream,
        stereo=request.stereo,
        disable_dtx=request.disable_dtx,
        disable_red=True,  # aiortc knows no RED
        encryption=request.encryption,
        audio_features=request.audio_features,
    )
