"""Agent workers register and are offered the jobs of dispatches."""

from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import agent as A
from livekit.protocol import models as M

from rigs.rooms.raw_worker import claims, connected_worker, raw_worker, some_agent, worker_token
from rigs.rooms.room_rig import (
    API_KEY,
    API_SECRET,
    Events,
    Publisher,
    RoomRig,
    acquainted,
    embedded_only,
    until,
)
from simulator.room import agent_worker

pytestmark = pytest.mark.rooms


@pytest.fixture
def name() -> str:
    return some_agent()


def wanted(rig: RoomRig, name: str, **wishes: Any) -> api.CreateAgentDispatchRequest:
    return api.CreateAgentDispatchRequest(room=rig.room, agent_name=name, **wishes)


# Registration


async def test_the_first_answer_to_a_worker_is_its_id(rig: RoomRig, name: str) -> None:
    async with connected_worker(rig) as worker:
        await worker.send(register=A.RegisterWorkerRequest(agent_name=name))
        answer = A.ServerMessage.FromString(await worker.socket.receive_bytes())

    assert answer.register.worker_id.startswith("AW_")
    assert answer.register.server_info.agent_protocol == 1
    assert answer.register.server_info.version


@pytest.mark.parametrize(
    ("grants", "status"),
    [({"room_join": True, "room": "studio"}, 401), ({"room_admin": True, "room": "studio"}, 401)],
    ids=["participant", "admin"],
)
async def test_a_worker_needs_the_agent_grant(rig: RoomRig, grants: dict[str, Any], status: int) -> None:
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("x").with_grants(api.VideoGrants(**grants))
    headers = {"Authorization": f"Bearer {token.to_jwt()}"}

    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(f"{rig.http}/agent", headers=headers)

    assert refusal.value.status == status


async def test_a_request_without_an_upgrade_is_no_worker(rig: RoomRig) -> None:
    headers = {"Authorization": f"Bearer {worker_token()}"}

    async with aiohttp.ClientSession() as http, http.get(f"{rig.http}/agent", headers=headers) as answer:
        assert answer.status == 404


async def test_a_ping_is_answered_before_and_after_registration(rig: RoomRig, name: str) -> None:
    async with connected_worker(rig) as worker:
        await worker.send(ping=A.WorkerPing(timestamp=7))
        before = await worker.first("pong")
        await worker.register(name)
        await worker.send(ping=A.WorkerPing(timestamp=8))
        after = await worker.first("pong")

    assert (before.last_timestamp, after.last_timestamp) == (7, 8)
    assert before.timestamp > 1_600_000_000_000


UNKNOWN_TYPE: Any = 9  # a kind of job that LiveKit does not have
UNEXPECTED: dict[str, list[bytes]] = {
    "garbage": [b"\xff\xff\xff"],
    "status before registration": [A.WorkerMessage(update_worker=A.UpdateWorkerStatus()).SerializeToString()],
    "registration twice": [A.WorkerMessage(register=A.RegisterWorkerRequest()).SerializeToString()] * 2,
    "unknown kind of job": [
        A.WorkerMessage(register=A.RegisterWorkerRequest(type=UNKNOWN_TYPE)).SerializeToString()
    ],
    "nothing": [b""],
}


@pytest.mark.parametrize("frames", UNEXPECTED.values(), ids=UNEXPECTED)
async def test_a_worker_with_unusable_messages_is_disconnected(rig: RoomRig, frames: list[bytes]) -> None:
    async with connected_worker(rig) as worker:
        for frame in frames:
            await worker.socket.send_bytes(frame)

        await worker.closed()


# Offers


async def test_an_offer_describes_the_whole_job(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name) as worker:
        dispatch = await rig.dispatch.create_dispatch(
            wanted(rig, name, metadata="m", attributes={"colour": "red"})
        )
        job = await worker.offer()

    assert dispatch.id.startswith("AD_")
    assert (dispatch.agent_name, dispatch.room, dispatch.metadata) == (name, rig.room, "m")
    assert job.id.startswith("AJ_")
    assert (job.type, job.room.name, job.agent_name, job.metadata) == (A.JobType.JT_ROOM, rig.room, name, "m")
    assert (job.dispatch_id, dict(job.attributes)) == (dispatch.id, {"colour": "red"})
    assert job.room.sid.startswith("RM_")
    assert not job.HasField("participant")


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        (None, {"can_publish": True, "can_subscribe": True, "can_publish_data": True, "hidden": None}),
        (
            M.ParticipantPermission(can_subscribe=True, hidden=True, agent=True),
            {"can_publish": False, "can_subscribe": True, "can_publish_data": False, "hidden": True},
        ),
    ],
    ids=["none said", "a silent listener"],
)
async def test_the_token_of_an_agent_has_its_identity_and_grants(
    rig: RoomRig, name: str, permission: M.ParticipantPermission | None, expected: dict[str, bool | None]
) -> None:
    async with raw_worker(rig, name, allowed_permissions=permission) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        job = await worker.offer()
        assignment = await worker.accept(
            job, participant_name="Helper", participant_metadata="x", participant_attributes={"a": "b"}
        )

    token = claims(assignment)
    assert assignment.job.id == job.id
    assert (token.identity, token.name, token.kind) == (f"agent-{job.id}", "Helper", "agent")
    assert (token.metadata, token.attributes) == ("x", {"a": "b", "lk.agent_name": name})
    assert token.video is not None
    assert (token.video.room, token.video.room_join, token.video.agent) == (rig.room, True, True)
    assert {
        grant: getattr(token.video, grant) or (None if grant == "hidden" else False) for grant in expected
    } == (expected)


async def test_an_agent_is_an_ordinary_participant_of_kind_agent(rig: RoomRig, name: str) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_connected")
    agent = rtc.Room()
    async with raw_worker(rig, name) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        assignment = await worker.accept(await worker.offer())

        await agent.connect(rig.url, assignment.token)

        (seen,) = await events.first("participant_connected")
    assert seen.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    assert seen.attributes["lk.agent_name"] == name
    await agent.disconnect()


async def test_a_room_created_with_named_agents_dispatches_only_those(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name) as named, raw_worker(rig, "") as unnamed:
        await rig.service.create_room(
            api.CreateRoomRequest(
                name=rig.room, agents=[api.RoomAgentDispatch(agent_name=name, metadata="m")]
            )
        )
        job = await named.offer()
        await rig.service.create_room(api.CreateRoomRequest(name=f"{rig.room} other"))
        default = await unnamed.offer()

    assert (job.room.name, job.metadata) == (rig.room, "m")
    assert default.room.name == f"{rig.room} other"
    await rig.service.delete_room(api.DeleteRoomRequest(room=f"{rig.room} other"))


async def test_agents_named_in_a_token_are_dispatched_when_it_opens_the_room(rig: RoomRig, name: str) -> None:
    wishes = api.RoomConfiguration(metadata="of the token", agents=[api.RoomAgentDispatch(agent_name=name)])
    grants = api.VideoGrants(room_join=True, room=rig.room)
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("bob").with_grants(grants)

    async with (
        raw_worker(rig, name) as worker,
        rig.socket(token.with_room_config(wishes).to_jwt(), protocol="16"),
    ):
        job = await worker.offer()

    assert (job.room.name, job.room.metadata) == (rig.room, "of the token")


async def test_a_job_that_one_worker_declines_is_offered_to_the_next(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name) as one, raw_worker(rig, name) as other:
        await one.status(load=0.1)
        await other.status(status=A.WorkerStatus.WS_FULL)
        await rig.dispatch.create_dispatch(wanted(rig, name))
        refused = await one.offer()
        await other.status(status=A.WorkerStatus.WS_AVAILABLE)
        await one.answer(refused, available=False)

        job = await other.offer()

    assert job.dispatch_id == refused.dispatch_id


async def test_a_full_worker_gets_no_offer(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name) as full, raw_worker(rig, name) as free:
        await full.status(status=A.WorkerStatus.WS_FULL)

        for _ in range(3):
            await rig.dispatch.create_dispatch(wanted(rig, name))
            await free.accept(await free.offer())


@embedded_only("livekit-server draws lots")
async def test_the_least_loaded_worker_gets_the_first_offer(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name) as busy, raw_worker(rig, name) as idle:
        await busy.status(load=0.5)
        await idle.status(load=0.4)

        await rig.dispatch.create_dispatch(wanted(rig, name))

        await idle.offer()


@embedded_only("livekit-server waits for ten seconds and then offers the job to no other worker")
async def test_a_worker_that_does_not_answer_is_passed_over(
    rig: RoomRig, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_worker, "ANSWER_WITHIN", 0.1)
    async with raw_worker(rig, name) as silent, raw_worker(rig, name) as other:
        await other.status(load=0.5)
        await rig.dispatch.create_dispatch(wanted(rig, name))

        first, second = await silent.offer(), await other.offer()

    assert first.id != second.id


@embedded_only("livekit-server forgets what it could not serve at once")
async def test_a_dispatch_waits_for_its_worker(rig: RoomRig, name: str) -> None:
    await rig.dispatch.create_dispatch(wanted(rig, name))

    async with raw_worker(rig, name) as worker:
        await worker.answer(await worker.offer(), available=False)
        await worker.status(load=0.2)
        await worker.accept(await worker.offer())


# Kinds of jobs


async def test_a_participant_job_starts_for_every_participant_but_agents(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name, type=A.JobType.JT_PARTICIPANT) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        await rig.join("bob")
        bob = await worker.offer()
        await worker.answer(bob, available=False)
        agent = rtc.Room()
        await agent.connect(rig.url, rig.token("helper", kind="agent"))
        await rig.join("carol")
        carol = await worker.offer()

    assert (bob.type, bob.participant.identity, bob.participant.kind) == (
        A.JobType.JT_PARTICIPANT,
        "bob",
        M.ParticipantInfo.Kind.STANDARD,
    )
    assert carol.participant.identity == "carol"
    await agent.disconnect()


async def test_a_publisher_job_starts_for_every_publisher(rig: RoomRig, name: str) -> None:
    async with raw_worker(rig, name, type=A.JobType.JT_PUBLISHER) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        await acquainted(await rig.join("bob"), carol := await rig.join("carol"))
        publisher = await Publisher(carol).start()

        job = await worker.offer()

    assert (job.type, job.participant.identity) == (A.JobType.JT_PUBLISHER, "carol")
    await publisher.stop()


async def test_every_namespace_gets_a_job_and_other_deployments_none(rig: RoomRig, name: str) -> None:
    async with (
        raw_worker(rig, name, namespace="blue") as blue,
        raw_worker(rig, name, namespace="green") as green,
        raw_worker(rig, name, deployment="staging") as staging,
    ):
        await rig.dispatch.create_dispatch(wanted(rig, name))
        jobs = [await blue.offer(), await green.offer()]
        await rig.dispatch.create_dispatch(wanted(rig, name, deployment="staging", metadata="s"))

        staged = await staging.offer()

    assert [job.namespace for job in jobs] == ["blue", "green"]
    assert (staged.deployment, staged.metadata) == ("staging", "s")


# Rooms with agents


async def test_dispatched_agents_do_not_keep_a_room_open(rig: RoomRig, name: str) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name=rig.room, departure_timeout=1))
    agent, bob = rtc.Room(), await rig.join("bob")
    events = Events(agent, "disconnected")
    async with raw_worker(rig, name) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        await agent.connect(rig.url, (await worker.accept(await worker.offer())).token)

        await bob.disconnect()

        assert await events.first("disconnected") == (rtc.DisconnectReason.ROOM_CLOSED,)


async def test_dispatched_agents_do_not_fill_a_room(rig: RoomRig, name: str) -> None:
    await rig.service.create_room(api.CreateRoomRequest(name=rig.room, max_participants=1))
    agent = rtc.Room()
    async with raw_worker(rig, name) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        await agent.connect(rig.url, (await worker.accept(await worker.offer())).token)

    async def agent_is_inside() -> bool:
        return len(await rig.inside()) == 1

    await until(agent_is_inside)
    await rig.join("bob")
    with pytest.raises(rtc.ConnectError):
        await rig.join("carol")
    await agent.disconnect()
