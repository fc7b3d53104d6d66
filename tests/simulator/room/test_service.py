"""The room server's RoomService, called by a server SDK."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import models as M

from rigs.rooms.room_rig import (
    API_KEY,
    API_SECRET,
    Events,
    Publisher,
    RoomRig,
    embedded_only,
    until,
)

pytestmark = pytest.mark.rooms


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_created_room_keeps_its_settings(rig: RoomRig) -> None:
    wanted = api.CreateRoomRequest(name=rig.room, empty_timeout=60, departure_timeout=5, metadata="first")

    created = await rig.service.create_room(wanted)
    again = await rig.service.create_room(api.CreateRoomRequest(name=rig.room, metadata="second"))
    listed = (await rig.service.list_rooms(api.ListRoomsRequest(names=[rig.room, "another"]))).rooms

    assert (created.empty_timeout, created.departure_timeout, created.metadata) == (60, 5, "first")
    assert again.sid == created.sid
    assert [room.sid for room in listed] == [created.sid]
    assert listed[0].metadata == "first"


@pytest.mark.parametrize(("joined", "timeout"), [(False, "empty_timeout"), (True, "departure_timeout")])
async def test_an_empty_room_is_removed_after_its_timeout(rig: RoomRig, joined: bool, timeout: str) -> None:
    timeouts: dict[str, Any] = {timeout: 1}
    await rig.service.create_room(api.CreateRoomRequest(name=rig.room, **timeouts))
    if joined:
        await (await rig.join("alice")).disconnect()

    async def gone() -> bool:
        return not (await rig.service.list_rooms(api.ListRoomsRequest(names=[rig.room]))).rooms

    assert not await gone()
    await until(gone)


async def test_a_room_stays_open_while_a_participant_is_inside(rig: RoomRig) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name=rig.room, empty_timeout=1, departure_timeout=1))
    other = await rig.service.create_room(api.CreateRoomRequest(name=f"{rig.room} other", empty_timeout=1))
    await rig.join("alice")

    async def gone() -> bool:
        return not (await rig.service.list_rooms(api.ListRoomsRequest(names=[other.name]))).rooms

    await until(gone)

    assert await rig.inside() == ["alice"]


async def test_room_metadata_reaches_the_participants(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "room_metadata_changed")

    room = await rig.service.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=rig.room, metadata="new")
    )

    await events.first("room_metadata_changed", lambda _, metadata: metadata == "new")
    assert room.metadata == "new"
    assert room.num_participants == 1


async def test_the_service_lists_participants_and_their_tracks(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed")
    publisher = await Publisher(await rig.join("avatar")).start()
    await events.first("track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO)

    avatar = await rig.service.get_participant(api.RoomParticipantIdentity(room=rig.room, identity="avatar"))

    assert avatar.state == M.ParticipantInfo.State.ACTIVE
    assert avatar.name == "Avatar"
    video, audio = sorted((track.mime_type for track in avatar.tracks), reverse=True)
    assert video == "video/VP8"
    assert audio in ("audio/opus", "audio/red")  # livekit-server offers Opus with redundancy
    assert {track.stream for track in avatar.tracks} == {"face"}
    await publisher.stop()


CALLS: dict[str, Any] = {
    "delete_room": api.DeleteRoomRequest(room="nowhere"),
    "update_room_metadata": api.UpdateRoomMetadataRequest(room="nowhere", metadata="x"),
    "get_participant": api.RoomParticipantIdentity(room="nowhere", identity="missing"),
    "remove_participant": api.RoomParticipantIdentity(room="nowhere", identity="missing"),
    "update_participant": api.UpdateParticipantRequest(room="nowhere", identity="missing"),
}
UNANSWERED_CALLS: dict[str, Any] = {
    "mute_published_track": api.MuteRoomTrackRequest(room="nowhere", identity="missing", muted=True),
    "update_subscriptions": api.UpdateSubscriptionsRequest(room="nowhere", identity="missing"),
    "send_data": api.SendDataRequest(room="nowhere", data=b"x"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_unknown_rooms_and_participants_are_not_found(rig: RoomRig, call: str) -> None:
    with pytest.raises(api.ServerError) as failure:
        await getattr(rig.service, call)(CALLS[call])

    assert (failure.value.code, failure.value.status) == ("not_found", 404)


@embedded_only("livekit-server says that it is unavailable, after a while: it asks a room that is not there")
@pytest.mark.parametrize("call", UNANSWERED_CALLS)
async def test_unknown_rooms_and_participants_are_not_found_at_once(rig: RoomRig, call: str) -> None:
    with pytest.raises(api.ServerError) as failure:
        await getattr(rig.service, call)(UNANSWERED_CALLS[call])

    assert (failure.value.code, failure.value.status) == ("not_found", 404)


async def test_an_unknown_room_has_no_participants(rig: RoomRig) -> None:
    inside = await rig.service.list_participants(api.ListParticipantsRequest(room="nowhere"))

    assert list(inside.participants) == []


async def test_a_track_cannot_be_unmuted_from_outside(rig: RoomRig) -> None:
    await rig.join("alice")

    with pytest.raises(api.ServerError) as failure:
        await rig.service.mute_published_track(
            api.MuteRoomTrackRequest(room=rig.room, identity="alice", track_sid="TR_x", muted=False)
        )

    assert (failure.value.code, failure.value.status) == ("failed_precondition", 412)


@pytest.mark.parametrize(
    ("method", "grants", "status"),
    [
        ("CreateRoom", {"room_create": True}, 200),
        ("CreateRoom", {"room_list": True}, 401),
        ("ListRooms", {"room_list": True}, 200),
        ("ListRooms", {"room_create": True}, 401),
        ("ListParticipants", {"room_admin": True, "room": "this"}, 200),
        ("ListParticipants", {"room_admin": True, "room": "another"}, 401),
        ("ListParticipants", {"room_join": True, "room": "this"}, 401),
        ("EatRoom", {"room_create": True}, 404),
    ],
)
async def test_every_call_needs_its_grant(
    rig: RoomRig, http: aiohttp.ClientSession, method: str, grants: dict[str, Any], status: int
) -> None:
    if grants.get("room") == "this":
        grants = grants | {"room": rig.room}
    token = (
        api.AccessToken(API_KEY, API_SECRET)
        .with_identity("x")
        .with_grants(api.VideoGrants(**grants))
        .to_jwt()
    )

    async with http.post(
        f"{rig.http}/twirp/livekit.RoomService/{method}",
        json={"name": rig.room} if method == "CreateRoom" else {"room": rig.room},
        headers={"Authorization": f"Bearer {token}"},
    ) as answer:
        body = await answer.json()

    assert answer.status == status
    if status != 200:
        assert body["code"] == {401: "unauthenticated", 404: "bad_route"}[status]


async def test_the_service_speaks_json_as_well(rig: RoomRig, http: aiohttp.ClientSession) -> None:
    token = api.AccessToken(API_KEY, API_SECRET).with_grants(api.VideoGrants(room_create=True)).to_jwt()
    call = f"{rig.http}/twirp/livekit.RoomService/CreateRoom"
    headers = {"Authorization": f"Bearer {token}"}

    async with http.post(call, json={"name": rig.room, "emptyTimeout": 9}, headers=headers) as answer:
        room = await answer.json()
    async with http.post(call, data=b"{", headers={**headers, "Content-Type": "application/json"}) as answer:
        error = await answer.json()

    assert (room["name"], room["empty_timeout"], room["num_participants"]) == (rig.room, 9, 0)
    assert (answer.status, error["code"]) == (400, "malformed")
