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
    """A track, its publisher and the source of its packets."""

    info: M.TrackInfo
    owner: "Participant"
    source: Source
    heard: bool = False  # the owner has been told of the first subscriber

    @property
    def sid(self) -> str:
        return self.info.sid


def announced(request: R.AddTrackRequest) -> M.TrackInfo:
    """Return the info of a track that its publisher has announced."""
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
        disable_red=True,  # aiortc does not support RED
        encryption=request.encryption,
        audio_features=request.audio_features,
    )
