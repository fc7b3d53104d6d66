"""Tokens, grants and permissions of the room server, and its RoomService as server SDKs meet it."""

import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from tests.room_rig import API_KEY, API_SECRET, Events, Publisher, RoomRig, room_rig, until

pytestmark = pytest.mark.rooms


@pytest.fixture
async def rig() -> AsyncIterator[RoomRig]:
    async with room_rig() as rig:
        yield rig


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def expired() -> str:
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("late").with_ttl(-datetime.timedelta(hours=1))
    return str(token.with_grants(api.VideoGrants(room_join=True, room="studio")).to_jwt())


def forged() -> str:
    token = api.AccessToken(API_KEY, "another secret of thirty-two characters").with_identity("mallory")
    return str(token.with_grants(api.VideoGrants(room_join=True, room="studio")).to_jwt())


def without_join() -> str:
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("outsider")
    return str(token.with_grants(api.VideoGrants(room_list=True)).to_jwt())


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"])
@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "no access token"),
        ("nonsense", "invalid token"),
        (expired(), "expired"),
        (forged(), "Signature verification failed"),
        (without_join(), "permissions denied"),
    ],
    ids=["none", "nonsense", "expired", "forged", "no join grant"],
)
async def test_a_bad_token_is_refused_in_words_that_pages_of_any_origin_can_read(
    rig: RoomRig, http: aiohttp.ClientSession, path: str, token: str, why: str
) -> None:
    async with http.get(rig.http + path, params={"access_token": token}) as answer:
        text = await answer.text()

    assert answer.status == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert why in text
    assert not token or token not in text


async def test_a_good_token_is_valid_in_header_and_query(rig: RoomRig, http: aiohttp.ClientSession) -> None:
    token = rig.token("alice")

    for options in ({"params": {"access_token": token}}, {"headers": {"Authorization": f"Bearer {token}"}}):
        async with http.get(f"{rig.http}/rtc/validate", **options) as answer:  # type: ignore[arg-type]
            assert (answer.status, await answer.text()) == (200, "success")


async def test_a_plain_request_to_the_websocket_is_no_upgrade(
    rig: RoomRig, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{rig.http}/rtc", params={"access_token": rig.token("alice")}) as answer:
        assert answer.status == 400
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_client_with_a_bad_token_cannot_connect(rig: RoomRig) -> None:
    with pytest.raises(rtc.ConnectError, match="401"):
        await rtc.Room().connect(rig.url, forged())


@pytest.mark.parametrize(
    ("grants", "source", "allowed"),
    [
        ({}, "MICROPHONE", True),
        ({"can_publish": False}, "MICROPHONE", False),
        ({"can_publish_sources": ["microphone"]}, "MICROPHONE", True),
        ({"can_publish_sources": ["microphone"]}, "CAMERA", False),
    ],
)
async def test_a_track_is_accepted_from_those_who_may_publish_it(
    rig: RoomRig, grants: dict[str, Any], source: str, allowed: bool
) -> None:
    async with rig.socket(rig.token("speaker", **grants)) as socket:
        await socket.send(add_track=R.AddTrackRequest(cid="mine", source=getattr(M.TrackSource, source)))

        if allowed:
            assert (await socket.first("track_published")).track_published.cid == "mine"
        else:
            refusal = (await socket.first("request_response")).request_response
            assert refusal.reason == R.RequestResponse.NOT_ALLOWED
            assert refusal.add_track.cid == "mine"


async def test_who_loses_the_permission_to_publish_is_silenced(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed", "track_unpublished")
    publisher = await Publisher(await rig.join("avatar")).start()
    for publication in publisher.publications:
        await events.first("track_subscribed", lambda _, seen, __, sid=publication.sid: seen.sid == sid)

    avatar = await rig.service.update_participant(
        api.UpdateParticipantRequest(
            room="studio", identity="avatar", permission=M.ParticipantPermission(can_subscribe=True)
        )
    )

    assert list(avatar.tracks) == []
    for publication in publisher.publications:
        await events.first("track_unpublished", lambda gone, _, sid=publication.sid: gone.sid == sid)
    await publisher.stop()


async def test_who_may_not_subscribe_is_sent_nothing_until_it_may(rig: RoomRig) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    blind, viewer = await rig.join("blind", can_subscribe=False), await rig.join("viewer")
    seen, control = Events(blind, "track_subscribed"), Events(viewer, "track_subscribed")
    await control.first("track_subscribed")
    assert seen.names() == []

    await rig.service.update_participant(
        api.UpdateParticipantRequest(
            room="studio",
            identity="blind",
            permission=M.ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True),
        )
    )

    await seen.first("track_subscribed")
    await publisher.stop()


async def test_data_of_who_may_not_send_it_is_dropped(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "data_received")
    silent, loud = await rig.join("silent", can_publish_data=False), await rig.join("loud")

    await silent.local_participant.publish_data("psst")
    await loud.local_participant.publish_data("hello")

    (packet,) = await events.first("data_received")
    assert packet.data == b"hello"


async def test_a_hidden_participant_sees_and_is_not_seen(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_connected")

    ghost = await rig.join("ghost", hidden=True)
    await rig.join("carol")

    (seen,) = await events.first("participant_connected")
    assert seen.identity == "carol"
    assert set(ghost.remote_participants) >= {"bob"}


async def test_the_kind_agent_comes_from_the_token(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_connected")
    agent = rtc.Room()

    await agent.connect(rig.url, rig.token("helper", kind="agent"))

    (seen,) = await events.first("participant_connected")
    assert seen.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    await agent.disconnect()


async def test_attributes_change_for_those_who_may_change_them(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_attributes_changed")
    free, bound = await rig.join("free", can_update_own_metadata=True), await rig.join("bound")

    await free.local_participant.set_attributes({"mood": "good"})
    _, participant = await events.first("participant_attributes_changed")

    assert (participant.identity, participant.attributes) == ("free", {"mood": "good"})
    await bound.local_participant.set_attributes({"mood": "bad"})  # the SDK does not pass the refusal on
    refused = await rig.service.get_participant(api.RoomParticipantIdentity(room="studio", identity="bound"))
    assert refused.attributes == {}


async def test_a_full_room_refuses_one_more_but_not_a_return(rig: RoomRig) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name="studio", max_participants=1))
    await rig.join("alice")

    with pytest.raises(rtc.ConnectError):
        await rig.join("bob")

    await rig.join("alice")


# RoomService


async def test_a_created_room_keeps_its_settings(rig: RoomRig) -> None:
    wanted = api.CreateRoomRequest(name="studio", empty_timeout=60, departure_timeout=5, metadata="first")

    created = await rig.service.create_room(wanted)
    again = await rig.service.create_room(api.CreateRoomRequest(name="studio", metadata="second"))
    listed = (await rig.service.list_rooms(api.ListRoomsRequest(names=["studio", "another"]))).rooms

    assert (created.empty_timeout, created.departure_timeout, created.metadata) == (60, 5, "first")
    assert again.sid == created.sid
    assert [room.sid for room in listed] == [created.sid]
    assert listed[0].metadata == "first"


@pytest.mark.parametrize(("joined", "timeout"), [(False, "empty_timeout"), (True, "departure_timeout")])
async def test_a_room_nobody_is_in_is_removed_after_its_timeout(
    rig: RoomRig, joined: bool, timeout: str
) -> None:
    await rig.service.create_room(api.CreateRoomRequest(**{"name": "studio", timeout: 1}))
    if joined:
        await (await rig.join("alice")).disconnect()

    async def gone() -> bool:
        return not (await rig.service.list_rooms(api.ListRoomsRequest())).rooms

    assert not await gone()
    await until(gone)


async def test_a_room_stays_while_somebody_is_inside(rig: RoomRig) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name="studio", empty_timeout=1, departure_timeout=1))
    other = await rig.service.create_room(api.CreateRoomRequest(name="other", empty_timeout=1))
    await rig.join("alice")

    await until(lambda: rig.server.rooms.get(other.name) is None)

    assert rig.participants("studio") == ["alice"]


async def test_room_metadata_reaches_those_inside(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "room_metadata_changed")

    room = await rig.service.update_room_metadata(
        api.UpdateRoomMetadataRequest(room="studio", metadata="new")
    )

    await events.first("room_metadata_changed", lambda _, metadata: metadata == "new")
    assert room.metadata == "new"
    assert room.num_participants == 1


async def test_the_service_tells_of_participants_and_their_tracks(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed")
    publisher = await Publisher(await rig.join("avatar")).start()
    await events.first("track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO)

    avatar = await rig.service.get_participant(api.RoomParticipantIdentity(room="studio", identity="avatar"))

    assert avatar.state == M.ParticipantInfo.State.ACTIVE
    assert avatar.name == "Avatar"
    assert {track.mime_type for track in avatar.tracks} == {"video/VP8", "audio/opus"}
    assert {track.stream for track in avatar.tracks} == {"face"}
    await publisher.stop()


CALLS: list[tuple[str, Any]] = [
    ("delete_room", api.DeleteRoomRequest(room="nowhere")),
    ("update_room_metadata", api.UpdateRoomMetadataRequest(room="nowhere", metadata="x")),
    ("get_participant", api.RoomParticipantIdentity(room="nowhere", identity="nobody")),
    ("remove_participant", api.RoomParticipantIdentity(room="nowhere", identity="nobody")),
    ("update_participant", api.UpdateParticipantRequest(room="nowhere", identity="nobody")),
    ("mute_published_track", api.MuteRoomTrackRequest(room="nowhere", identity="nobody", muted=True)),
    ("update_subscriptions", api.UpdateSubscriptionsRequest(room="nowhere", identity="nobody")),
    ("send_data", api.SendDataRequest(room="nowhere", data=b"x")),
]


@pytest.mark.parametrize(("call", "request_"), CALLS, ids=[name for name, _ in CALLS])
async def test_what_is_not_there_is_not_found(rig: RoomRig, call: str, request_: Any) -> None:
    with pytest.raises(api.ServerError) as failure:
        await getattr(rig.service, call)(request_)

    assert (failure.value.code, failure.value.status) == ("not_found", 404)


async def test_nobody_is_in_a_room_that_is_not_there(rig: RoomRig) -> None:
    inside = await rig.service.list_participants(api.ListParticipantsRequest(room="nowhere"))

    assert list(inside.participants) == []


async def test_a_track_cannot_be_unmuted_from_outside(rig: RoomRig) -> None:
    await rig.join("alice")

    with pytest.raises(api.ServerError) as failure:
        await rig.service.mute_published_track(
            api.MuteRoomTrackRequest(room="studio", identity="alice", track_sid="TR_x", muted=False)
        )

    assert (failure.value.code, failure.value.status) == ("failed_precondition", 412)


@pytest.mark.parametrize(
    ("method", "grants", "status"),
    [
        ("CreateRoom", {"room_create": True}, 200),
        ("CreateRoom", {"room_list": True}, 401),
        ("ListRooms", {"room_list": True}, 200),
        ("ListRooms", {"room_create": True}, 401),
        ("ListParticipants", {"room_admin": True, "room": "studio"}, 200),
        ("ListParticipants", {"room_admin": True, "room": "another"}, 401),
        ("ListParticipants", {"room_join": True, "room": "studio"}, 401),
        ("EatRoom", {"room_create": True}, 404),
    ],
)
async def test_every_call_needs_its_grant(
    rig: RoomRig, http: aiohttp.ClientSession, method: str, grants: dict[str, Any], status: int
) -> None:
    token = (
        api.AccessToken(API_KEY, API_SECRET)
        .with_identity("x")
        .with_grants(api.VideoGrants(**grants))
        .to_jwt()
    )

    async with http.post(
        f"{rig.http}/twirp/livekit.RoomService/{method}",
        json={"name": "studio"} if method == "CreateRoom" else {"room": "studio"},
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

    async with http.post(call, json={"name": "studio", "emptyTimeout": 9}, headers=headers) as answer:
        room = await answer.json()
    async with http.post(call, data=b"{", headers={**headers, "Content-Type": "application/json"}) as answer:
        error = await answer.json()

    assert (room["name"], room["empty_timeout"], room["num_participants"]) == ("studio", 9, 0)
    assert (answer.status, error["code"]) == (400, "malformed")
