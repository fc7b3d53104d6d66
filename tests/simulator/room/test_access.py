"""Tokens, grants and permissions of the room server."""

import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from rigs.rooms.room_rig import (
    API_KEY,
    API_SECRET,
    Events,
    Publisher,
    RoomRig,
    embedded_only,
)

pytestmark = pytest.mark.rooms


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


BAD_TOKENS = {
    "none": ("", "no access token"),
    "nonsense": ("nonsense", "invalid token"),
    "expired": (expired(), "expired"),
    "forged": (forged(), "Signature verification failed"),
    "no join grant": (without_join(), "permissions denied"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_opens_no_websocket(rig: RoomRig, http: aiohttp.ClientSession, name: str) -> None:
    token, _ = BAD_TOKENS[name]

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await http.ws_connect(f"{rig.http}/rtc", params={"access_token": token})

    assert refusal.value.status == 401


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_pages_of_any_origin_can_validate_their_token(
    rig: RoomRig, http: aiohttp.ClientSession, name: str
) -> None:
    query, origin = {"access_token": BAD_TOKENS[name][0]}, {"Origin": "https://example.org"}

    async with http.get(f"{rig.http}/rtc/validate", params=query, headers=origin) as answer:
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://example.org")


@embedded_only("livekit-server says less, repeats the token and answers 404 to what is no websocket")
@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"])
@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_pages_of_any_origin_can_read_why_a_token_is_refused(
    rig: RoomRig, http: aiohttp.ClientSession, path: str, name: str
) -> None:
    token, why = BAD_TOKENS[name]

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


@embedded_only("livekit-server answers 404")
async def test_a_plain_request_to_the_websocket_is_refused(rig: RoomRig, http: aiohttp.ClientSession) -> None:
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
async def test_a_track_is_accepted_only_with_permission_to_publish_it(
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


async def test_a_participant_that_loses_its_permission_to_publish_is_unpublished(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed", "track_unpublished")
    publisher = await Publisher(await rig.join("avatar")).start()
    for publication in publisher.publications:
        await events.first("track_subscribed", lambda _, seen, __, sid=publication.sid: seen.sid == sid)

    avatar = await rig.service.update_participant(
        api.UpdateParticipantRequest(
            room=rig.room, identity="avatar", permission=M.ParticipantPermission(can_subscribe=True)
        )
    )

    assert list(avatar.tracks) == []
    for publication in publisher.publications:
        await events.first("track_unpublished", lambda gone, _, sid=publication.sid: gone.sid == sid)
    await publisher.stop()


async def test_a_participant_without_permission_to_subscribe_gets_no_tracks_until_it_has_it(
    rig: RoomRig,
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    blind, viewer = await rig.join("blind", can_subscribe=False), await rig.join("viewer")
    seen, control = Events(blind, "track_subscribed"), Events(viewer, "track_subscribed")
    await control.first("track_subscribed")
    assert seen.names() == []

    await rig.service.update_participant(
        api.UpdateParticipantRequest(
            room=rig.room,
            identity="blind",
            permission=M.ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True),
        )
    )

    await seen.first("track_subscribed")
    await publisher.stop()


async def test_data_without_permission_to_publish_it_is_dropped(rig: RoomRig) -> None:
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


async def test_attributes_change_only_with_permission(rig: RoomRig) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_connected", "participant_attributes_changed")
    free, bound = await rig.join("free", can_update_own_metadata=True), await rig.join("bound")
    await events.first("participant_connected", lambda seen: seen.identity == "free")

    await free.local_participant.set_attributes({"mood": "good"})
    _, participant = await events.first("participant_attributes_changed")

    assert (participant.identity, participant.attributes) == ("free", {"mood": "good"})
    await bound.local_participant.set_attributes({"mood": "bad"})  # the SDK does not report the refusal
    refused = await rig.service.get_participant(api.RoomParticipantIdentity(room=rig.room, identity="bound"))
    assert refused.attributes == {}


async def test_a_full_room_refuses_a_new_participant_but_not_a_rejoin(rig: RoomRig) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name=rig.room, max_participants=1))
    await rig.join("alice")

    with pytest.raises(rtc.ConnectError):
        await rig.join("bob")

    await rig.join("alice")
