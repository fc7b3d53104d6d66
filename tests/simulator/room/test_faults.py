"""Clients that misbehave are removed, and no others."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from rigs.rooms.room_rig import (
    Events,
    Publisher,
    RoomRig,
    Socket,
    embedded_only,
    pictures,
    until,
)

pytestmark = pytest.mark.rooms


@pytest.fixture
async def intruder(rig: RoomRig) -> AsyncIterator[Socket]:
    async with rig.socket(rig.token("intruder"), protocol="16") as socket:
        yield socket


@embedded_only("livekit-server takes text for JSON and closes the websocket without a leave")
@pytest.mark.parametrize("frame", [b"\xff\xff\xff\xff", "text"], ids=["garbage", "text"])
async def test_an_unreadable_frame_removes_only_its_sender(
    rig: RoomRig, intruder: Socket, frame: bytes | str
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed")

    if isinstance(frame, str):
        await intruder.socket.send_str(frame)
    else:
        await intruder.socket.send_bytes(frame)
    answer = await intruder.first("leave")

    assert answer.leave.action == R.LeaveRequest.Action.DISCONNECT
    assert set(rig.participants()) == {"avatar", "viewer"}
    track, *_ = await events.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    assert await pictures(track, 2)
    await publisher.stop()


BAD_MESSAGES: dict[str, dict[str, Any]] = {
    "nonsense offer": {"offer": R.SessionDescription(type="offer", sdp="v=0\r\nm=what\r\n")},
    "offer without codecs": {
        "offer": R.SessionDescription(
            type="offer",
            sdp="v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 45\r\n"
            "a=mid:0\r\na=rtpmap:45 AV1/90000\r\na=sendonly\r\na=ice-ufrag:aaaa\r\na=ice-pwd:"
            + "b"
            * 22
            + "\r\n"
            "a=fingerprint:sha-256 00\r\na=setup:actpass\r\n",
        )
    },
    "candidate that is no JSON": {"trickle": R.TrickleRequest(candidateInit="{")},
}


@embedded_only("livekit-server passes some over and closes the websocket without a leave for others")
@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_an_invalid_message_removes_only_its_sender(rig: RoomRig, intruder: Socket, name: str) -> None:
    await rig.join("bystander")

    await intruder.send(**BAD_MESSAGES[name])

    await intruder.first("leave")
    assert rig.participants() == ["bystander"]


@embedded_only("livekit-server closes the websocket without a leave")
async def test_an_invalid_answer_removes_only_its_sender(rig: RoomRig, intruder: Socket) -> None:
    await rig.join("bystander")
    await intruder.first("offer")

    await intruder.send(answer=R.SessionDescription(type="answer", sdp="v=0\r\nm=what\r\n", id=1))

    await intruder.first("leave")
    assert rig.participants() == ["bystander"]


@embedded_only("livekit-server answers 404 to what is no websocket")
async def test_an_unreadable_v1_join_is_refused_with_a_reason(rig: RoomRig) -> None:
    async with aiohttp.ClientSession() as session:
        params = {"access_token": rig.token("intruder"), "join_request": "!!!"}
        async with session.get(f"{rig.http}/rtc/v1", params=params) as answer:
            assert answer.status == 400
            assert "join_request cannot be read" in await answer.text()


async def test_messages_that_a_server_need_not_know_are_ignored(rig: RoomRig, intruder: Socket) -> None:
    await intruder.send(sync_state=R.SyncState())
    await intruder.send(update_layers=R.UpdateVideoLayers(track_sid="TR_none"))
    await intruder.send(mute=R.MuteTrackRequest(sid="TR_none", muted=True))
    await intruder.send(subscription=R.UpdateSubscription(track_sids=["TR_none"], subscribe=True))

    await intruder.send(ping_req=R.Ping(timestamp=7))

    assert (await intruder.first("pong_resp")).pong_resp.last_ping_timestamp == 7
    assert "intruder" in await rig.inside()


async def test_a_resume_of_an_unknown_participant_leads_to_a_new_join(rig: RoomRig) -> None:
    async with rig.socket(rig.token("alice"), protocol="16", reconnect="1", sid="PA_unknown") as socket:
        answer = await socket.first("leave")

    assert answer.leave.reason == M.DisconnectReason.STATE_MISMATCH
    assert answer.leave.action == R.LeaveRequest.Action.RECONNECT
    assert await rig.inside() == []


@embedded_only("livekit-server has other limits")
async def test_a_client_that_stops_reading_is_removed_and_stalls_no_other(
    rig: RoomRig, intruder: Socket
) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "room_metadata_changed")
    await intruder.first("join")
    connection = intruder.socket._response.connection
    assert connection is not None
    transport: Any = connection.transport
    transport.pause_reading()

    for number in range(40):
        news = f"{number}".ljust(500_000, ".")
        await rig.service.update_room_metadata(api.UpdateRoomMetadataRequest(room=rig.room, metadata=news))

    await events.first("room_metadata_changed", lambda _, metadata: metadata.startswith("39."))
    await until(lambda: rig.participants() == ["bob"])
    transport.abort()
