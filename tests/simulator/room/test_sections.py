"""A v1 client that misses the server's request for an offer."""

import base64

import aiohttp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from livekit.protocol import rtc as R

from rigs.rooms.room_rig import Publisher, RoomRig, Socket, embedded_only
from simulator.room import single_peers

pytestmark = pytest.mark.rooms


@embedded_only("it shortens the embedded server's patience")
async def test_an_offer_that_does_not_come_is_requested_again(
    rig: RoomRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_peers, "REMIND_AFTER", 0.1)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio", "recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    offer = R.SessionDescription(type="offer", sdp=connection.localDescription.sdp, id=1)
    settings = R.ConnectionSettings(auto_subscribe=True)
    join = R.JoinRequest(publisher_offer=offer, connection_settings=settings).SerializeToString()
    wrapped = base64.urlsafe_b64encode(R.WrappedJoinRequest(join_request=join).SerializeToString()).decode()
    query = {"access_token": rig.token("viewer"), "join_request": wrapped}

    async with aiohttp.ClientSession() as http, http.ws_connect(f"{rig.http}/rtc/v1", params=query) as socket:
        viewer = Socket(socket)
        await viewer.first("answer")
        publisher = await Publisher(await rig.join("avatar")).start()

        asked = [
            (await viewer.first("media_sections_requirement")).media_sections_requirement for _ in range(4)
        ]

        assert asked[-1].num_videos == 1
    await publisher.stop()
    await connection.close()
