"""A publisher whose second offer prefers another codec than its first."""

import asyncio
from typing import Any

import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from livekit import api
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from rigs.rooms.room_rig import Events, RoomRig, Socket, embedded_only, until
from simulator.room import aiortc_seams as seams

pytestmark = pytest.mark.rooms


class Picture(MediaStreamTrack):
    """A track without frames: only its negotiation matters."""

    kind = "video"

    async def recv(self) -> Any:
        await asyncio.Event().wait()


@embedded_only("it looks into the embedded server")
@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_a_publisher_may_settle_on_its_codec_with_a_second_offer(rig: RoomRig, single: bool) -> None:
    """Offer as Rust SDKs do when two tracks are published at once."""
    viewer = await rig.join("viewer", single)
    events = Events(viewer, "track_subscribed")
    connection, picture = RTCPeerConnection(RTCConfiguration(iceServers=[])), Picture()
    transceiver = connection.addTransceiver(picture, "sendonly")
    h264 = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType == "video/H264"]

    async with rig.socket(rig.token("avatar"), protocol="16", auto_subscribe="0") as publisher:
        await publisher.send(add_track=R.AddTrackRequest(cid=picture.id, type=M.TrackType.VIDEO))
        await negotiate(publisher, connection)
        await events.first("track_subscribed")
        transceiver.setCodecPreferences(h264)
        await negotiate(publisher, connection)
        await until(lambda: forwarded_codec(rig, "viewer") == "video/H264")

        listed = await rig.service.list_participants(api.ListParticipantsRequest(room=rig.room))
    (track,) = next(info for info in listed.participants if info.identity == "avatar").tracks
    assert track.mime_type == "video/H264"
    await connection.close()


async def negotiate(publisher: Socket, connection: RTCPeerConnection) -> None:
    await connection.setLocalDescription(await connection.createOffer())
    await publisher.send(offer=R.SessionDescription(type="offer", sdp=connection.localDescription.sdp))
    answer = (await publisher.first("answer")).answer
    await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))


def forwarded_codec(rig: RoomRig, viewer: str) -> str:
    """Return the codec that a viewer receives; "" while it receives nothing."""
    room = rig.server.rooms.get("studio")
    assert room is not None
    peers = room.participants[viewer].peers
    sent = [
        codec.mimeType
        for forwarder, transceiver in peers._forwarders.values()
        for codec in seams.codecs(transceiver)
        if codec.payloadType == forwarder._payload_type
    ]
    return sent[0] if sent else ""
