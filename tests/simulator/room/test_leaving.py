"""Leaves, removals, lost connections and resumes."""

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiortc import RTCPeerConnection
from livekit import api, rtc

import simulator
from rigs.rooms.room_rig import (
    Events,
    Publisher,
    RoomRig,
    acquainted,
    embedded_only,
    pictures,
    room_rig,
    until,
)

pytestmark = pytest.mark.rooms

Reason = rtc.DisconnectReason


@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_a_participant_that_leaves_is_gone_for_the_others_and_for_the_service(
    rig: RoomRig, single: bool
) -> None:
    alice, bob = await rig.join("alice", single), await rig.join("bob", single)
    at_alice = Events(alice, "participant_disconnected")
    await acquainted(alice, bob)

    await bob.disconnect()

    (left,) = await at_alice.first("participant_disconnected")
    assert left.identity == "bob"
    assert left.disconnect_reason == Reason.CLIENT_INITIATED
    inside = await rig.service.list_participants(api.ListParticipantsRequest(room=rig.room))
    assert [participant.identity for participant in inside.participants] == ["alice"]


async def test_a_removed_participant_and_the_others_learn_why(rig: RoomRig) -> None:
    alice, bob = await rig.join("alice"), await rig.join("bob")
    at_alice, at_bob = Events(alice, "participant_disconnected"), Events(bob, "disconnected")
    await acquainted(alice, bob)

    await rig.service.remove_participant(api.RoomParticipantIdentity(room=rig.room, identity="bob"))

    assert await at_bob.first("disconnected") == (Reason.PARTICIPANT_REMOVED,)
    (left,) = await at_alice.first("participant_disconnected")
    assert left.disconnect_reason == Reason.PARTICIPANT_REMOVED


@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_all_participants_of_a_deleted_room_learn_why(rig: RoomRig, single: bool) -> None:
    rooms = [await rig.join("alice", single), await rig.join("bob", single)]
    events = [Events(room, "disconnected") for room in rooms]

    await rig.service.delete_room(api.DeleteRoomRequest(room=rig.room))

    assert [await seen.first("disconnected") for seen in events] == [(Reason.ROOM_DELETED,)] * 2
    assert not (await rig.service.list_rooms(api.ListRoomsRequest(names=[rig.room]))).rooms


@embedded_only("other tests use the same livekit-server")
async def test_a_server_that_shuts_down_says_so(rig: RoomRig) -> None:
    events = Events(await rig.join("alice"), "disconnected")

    await rig.server.close()

    assert await events.first("disconnected") == (Reason.SERVER_SHUTDOWN,)


async def test_a_newcomer_replaces_the_participant_with_its_identity(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    at_viewer = Events(viewer, "participant_disconnected", "track_subscribed")
    old = await rig.join("avatar")
    at_old = Events(old, "disconnected")
    await acquainted(viewer, old)

    publisher = await Publisher(await rig.join("avatar")).start()

    assert await at_old.first("disconnected") == (Reason.DUPLICATE_IDENTITY,)
    await at_viewer.first("participant_disconnected")
    track, *_ = await at_viewer.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    assert await pictures(track, 2)
    await publisher.stop()


@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_cut_signalling_is_resumed_without_losing_anything(rig: RoomRig, single: bool) -> None:
    publisher = await Publisher(await rig.join("avatar", single)).start()
    viewer = await rig.join("viewer", single)
    events = Events(viewer, "track_subscribed", "reconnected", "track_unsubscribed", "data_received")
    at_avatar = Events(publisher.room, "reconnected", "participant_disconnected")
    track, *_ = await events.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    sid = viewer.local_participant.sid

    rig.cut_signalling()
    assert await pictures(track, 10)  # media does not travel over the signalling
    await events.first("reconnected")
    await at_avatar.first("reconnected")

    assert viewer.local_participant.sid == sid
    assert await pictures(track, 2)
    await publisher.room.local_participant.publish_data("still here")
    (packet,) = await events.first("data_received")
    assert packet.data == b"still here"
    assert "track_unsubscribed" not in events.names()
    assert "participant_disconnected" not in at_avatar.names()
    await publisher.stop()


async def test_tracks_published_while_the_signalling_was_cut_arrive_after_the_resume(rig: RoomRig) -> None:
    viewer = await rig.join("viewer")
    events = Events(viewer, "track_subscribed", "reconnecting", "reconnected")

    rig.cut_signalling()
    await events.first("reconnecting")
    publisher = await Publisher(await rig.join("avatar")).start()

    track, *_ = await events.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    assert await pictures(track, 2)
    await publisher.stop()


@embedded_only("other tests use the same livekit-server")
@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_clients_rejoin_a_restarted_server_by_themselves(rig: RoomRig, single: bool) -> None:
    publisher = await Publisher(await rig.join("avatar", single)).start()
    viewer = await rig.join("viewer", single)
    events = Events(viewer, "track_subscribed", "reconnected")
    for kind in (rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO):
        await events.first("track_subscribed", lambda track, *_, kind=kind: track.kind == kind)
    sid = viewer.local_participant.sid
    again = Events(viewer, "track_subscribed")

    await rig.restart_server()
    await events.first("reconnected")

    track, *_ = await again.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    assert await pictures(track, 2)
    assert viewer.local_participant.sid != sid
    await publisher.stop()


async def test_a_client_that_does_not_resume_in_time_is_removed() -> None:
    async with room_rig(resume_within=0.2) as rig:
        alice = await rig.join("alice")
        events = Events(alice, "disconnected", "reconnected")

        rig.refuse_connections()
        await until(lambda: rig.participants() == [])
        rig.accept_connections()

        await events.first("reconnected")  # as a new participant: the old one was removed
        assert rig.participants() == ["alice"]


@embedded_only("only the embedded server's connections can be closed from here")
async def test_a_subscriber_with_a_closed_connection_does_not_remove_the_publisher(
    rig: RoomRig,
) -> None:
    leaving, viewer = await rig.join("leaving"), await rig.join("viewer")
    avatar = await rig.join("avatar")
    await acquainted(leaving, viewer, avatar)
    events, at_avatar = Events(viewer, "track_subscribed"), Events(avatar, "disconnected", "reconnecting")
    room = rig.server.rooms.get(rig.room)
    assert room is not None
    # What aiortc does when a client hangs up; its leave message may come later.
    await room.participants["leaving"].peers._subscriber.close()  # type: ignore[attr-defined]

    publisher = await Publisher(avatar).start()

    for kind in (rtc.TrackKind.KIND_VIDEO, rtc.TrackKind.KIND_AUDIO):
        await events.first("track_subscribed", lambda track, *_, kind=kind: track.kind == kind)
    assert at_avatar.names() == []
    await publisher.stop()


@embedded_only("it counts connections and sockets of this process")
async def test_joins_and_leaves_leave_nothing_behind(rig: RoomRig, monkeypatch: pytest.MonkeyPatch) -> None:
    process = psutil.Process()
    opened: list[RTCPeerConnection] = []

    class Counted(RTCPeerConnection):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr("simulator.room.peers.RTCPeerConnection", Counted)

    def media_sockets() -> set[tuple[str, int]]:
        return {socket.laddr for socket in process.net_connections("udp4") if socket.laddr.ip == "127.0.0.1"}

    async def cycle() -> None:
        publisher = await Publisher(await rig.join("avatar")).start()
        viewers = [await rig.join("old viewer"), await rig.join("new viewer", single=True)]
        await Events(viewers[1], "track_subscribed").first("track_subscribed")
        await publisher.stop()
        for room in (publisher.room, *viewers):
            await room.disconnect()

    def server_tasks() -> list[str]:
        coroutines: list[Any] = [task.get_coro() for task in asyncio.all_tasks()]
        codes = [coroutine.cr_code for coroutine in coroutines]
        owners = ("/aiortc/", "/aioice/", str(Path(simulator.__file__).parent))
        return [code.co_qualname for code in codes if any(owner in code.co_filename for owner in owners)]

    before = media_sockets()
    for _ in range(4):
        await cycle()
    await rig.service.delete_room(api.DeleteRoomRequest(room=rig.room))

    assert opened
    await until(lambda: all(connection.connectionState == "closed" for connection in opened))
    await until(lambda: media_sockets() <= before)
    await until(lambda: server_tasks() == [])
