"""The jobs of agent workers, from assignment to end, and what server SDKs see of them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import agent as A
from livekit.protocol import agent_dispatch as AD

from rigs.rooms.raw_worker import RawWorker, raw_worker, some_agent
from rigs.rooms.room_rig import (
    API_KEY,
    API_SECRET,
    Events,
    RoomRig,
    embedded_only,
    room_rig,
    until,
)
from simulator.room import agent_job, vacancy

pytestmark = pytest.mark.rooms

NEVER_AGAIN = "livekit-server does not offer a failed job again"
KEEPS_NO_BOOKS = "livekit-server does not note the end of a job"


@pytest.fixture
def name() -> str:
    return some_agent()


@pytest.fixture
async def worker(rig: RoomRig, name: str) -> AsyncIterator[RawWorker]:
    async with raw_worker(rig, name) as worker:
        yield worker


@pytest.fixture
async def dispatch(rig: RoomRig, name: str, worker: RawWorker) -> AD.AgentDispatch:
    """Create a dispatch whose offer the worker has not answered yet."""
    return await rig.dispatch.create_dispatch(wanted(rig, name))


@pytest.fixture
async def agent() -> AsyncIterator[rtc.Room]:
    room = rtc.Room()
    yield room
    await room.disconnect()


def wanted(rig: RoomRig, name: str, **wishes: Any) -> api.CreateAgentDispatchRequest:
    return api.CreateAgentDispatchRequest(room=rig.room, agent_name=name, **wishes)


async def job_states(rig: RoomRig, dispatch: AD.AgentDispatch) -> list[A.JobState]:
    listed = await rig.dispatch.get_dispatch(dispatch.id, rig.room)
    return [job.state for job in listed.state.jobs] if listed else []


# The service


async def test_a_dispatch_lists_its_jobs_once_they_are_taken(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch
) -> None:
    job = await worker.offer()
    before = await job_states(rig, dispatch)
    await worker.accept(job)

    async def taken() -> bool:
        return await job_states(rig, dispatch) != []

    await until(taken)
    (state,) = await job_states(rig, dispatch)
    assert before == []
    assert (state.status, state.worker_id) == (A.JobStatus.JS_RUNNING, worker.id)
    assert state.participant_identity == f"agent-{job.id}"
    assert state.started_at > dispatch.state.created_at > 1_600_000_000 * 10**9


async def test_a_room_without_named_agents_dispatches_the_unnamed_one(rig: RoomRig, name: str) -> None:
    await rig.dispatch.create_dispatch(wanted(rig, name))
    await rig.dispatch.create_dispatch(wanted(rig, name))

    listed = await rig.dispatch.list_dispatch(rig.room)

    assert sorted(dispatch.agent_name for dispatch in listed) == ["", name, name]


async def test_an_unknown_dispatch_is_not_found(rig: RoomRig, name: str) -> None:
    await rig.dispatch.create_dispatch(wanted(rig, name))

    with pytest.raises(api.ServerError) as failure:
        await rig.dispatch.delete_dispatch("AD_none", rig.room)

    assert failure.value.code == "not_found"
    assert await rig.dispatch.get_dispatch("AD_none", rig.room) is None


@embedded_only("livekit-server says that it is unavailable, after a while")
async def test_an_unknown_room_has_no_dispatches(rig: RoomRig) -> None:
    with pytest.raises(api.ServerError) as failure:
        await rig.dispatch.list_dispatch("nowhere")

    assert failure.value.code == "not_found"


@pytest.mark.parametrize("method", ["CreateDispatch", "ListDispatch", "DeleteDispatch"])
@pytest.mark.parametrize("grants", [{"room_admin": True, "room": "another"}, {"room_create": True}])
async def test_dispatches_need_the_room_admin_grant(
    rig: RoomRig, method: str, grants: dict[str, Any]
) -> None:
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("x").with_grants(api.VideoGrants(**grants))
    headers = {"Authorization": f"Bearer {token.to_jwt()}"}
    call = f"{rig.http}/twirp/livekit.AgentDispatchService/{method}"

    async with (
        aiohttp.ClientSession() as http,
        http.post(call, json={"room": rig.room}, headers=headers) as answer,
    ):
        body = await answer.json()

    assert (answer.status, body["code"]) == (401, "unauthenticated")


# The end of a job


async def test_a_deleted_dispatch_ends_its_job_and_removes_its_agent(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch, agent: rtc.Room
) -> None:
    job = await worker.offer()
    await agent.connect(rig.url, (await worker.accept(job)).token)
    left = Events(agent, "disconnected")

    await rig.dispatch.delete_dispatch(dispatch.id, rig.room)

    assert (await worker.first("termination")).job_id == job.id
    assert await left.first("disconnected") == (rtc.DisconnectReason.PARTICIPANT_REMOVED,)
    assert dispatch.id not in {listed.id for listed in await rig.dispatch.list_dispatch(rig.room)}


@embedded_only("livekit-server lets the agent come, and opens the room again for it")
async def test_a_job_whose_agent_has_not_joined_yet_ends_with_its_room(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch
) -> None:
    job = await worker.offer()
    await worker.accept(job)

    await rig.service.delete_room(api.DeleteRoomRequest(room=rig.room))

    assert (await worker.first("termination")).job_id == job.id


@embedded_only(KEEPS_NO_BOOKS)
async def test_a_leave_of_the_agent_ends_its_job_without_a_termination(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch, agent: rtc.Room
) -> None:
    job = await worker.offer()
    await agent.connect(rig.url, (await worker.accept(job)).token)

    await agent.disconnect()
    await until(lambda: rig.participants() == [])

    (state,) = await job_states(rig, dispatch)
    assert state.status == A.JobStatus.JS_SUCCESS
    assert await worker.unread() == []


@embedded_only(KEEPS_NO_BOOKS)
async def test_a_dispatch_shows_how_its_job_ended(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch
) -> None:
    job = await worker.offer()
    await worker.accept(job)

    await worker.ended(job, A.JobStatus.JS_SUCCESS)
    await worker.settle()

    (state,) = await job_states(rig, dispatch)
    assert state.status == A.JobStatus.JS_SUCCESS
    assert state.ended_at >= state.started_at


async def test_a_worker_may_reject_a_job_for_all(rig: RoomRig, name: str, worker: RawWorker) -> None:
    async with raw_worker(rig, name) as other:
        await other.status(status=A.WorkerStatus.WS_FULL)
        await rig.dispatch.create_dispatch(wanted(rig, name, metadata="first"))
        await worker.answer(await worker.offer(), terminate=True)
        await worker.status(status=A.WorkerStatus.WS_FULL)
        await other.status(status=A.WorkerStatus.WS_AVAILABLE)
        await rig.dispatch.create_dispatch(wanted(rig, name, metadata="second"))

        job = await other.offer()

    assert job.metadata == "second"


# Failures


@embedded_only(NEVER_AGAIN)
async def test_a_failed_job_is_offered_again_with_a_new_id(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch, agent: rtc.Room
) -> None:
    job = await worker.offer()
    await agent.connect(rig.url, (await worker.accept(job)).token)
    left = Events(agent, "disconnected")

    await worker.ended(job, A.JobStatus.JS_FAILED)
    again = await worker.offer()

    assert (again.dispatch_id, again.id != job.id) == (job.dispatch_id, True)
    await left.first("disconnected")  # the dead agent has been removed from the room
    await worker.accept(again)
    await worker.settle()
    assert [state.status for state in await job_states(rig, dispatch)] == [
        A.JobStatus.JS_FAILED,
        A.JobStatus.JS_RUNNING,
    ]


@embedded_only(NEVER_AGAIN)
async def test_a_job_that_fails_again_and_again_is_not_offered_any_more(
    rig: RoomRig, worker: RawWorker, dispatch: AD.AgentDispatch
) -> None:
    for _ in range(vacancy.GIVE_UP_AFTER):
        job = await worker.offer()
        await worker.accept(job)
        await worker.ended(job, A.JobStatus.JS_FAILED)

    await rig.dispatch.create_dispatch(wanted(rig, dispatch.agent_name, metadata="another"))

    assert (await worker.offer()).metadata == "another"


@embedded_only(NEVER_AGAIN)
async def test_a_job_with_restart_policy_never_is_not_offered_again(
    rig: RoomRig, name: str, worker: RawWorker
) -> None:
    await rig.dispatch.create_dispatch(wanted(rig, name, restart_policy=AD.JRP_NEVER))
    job = await worker.offer()
    await worker.accept(job)
    await worker.ended(job, A.JobStatus.JS_FAILED)

    await rig.dispatch.create_dispatch(wanted(rig, name, metadata="another"))

    assert (await worker.offer()).metadata == "another"


@embedded_only(NEVER_AGAIN)
async def test_the_job_of_a_lost_worker_is_offered_to_another(
    rig: RoomRig, name: str, worker: RawWorker, dispatch: AD.AgentDispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_job, "RETURN_WITHIN", 0.1)
    job = await worker.offer()
    await worker.accept(job)
    await worker.socket.close()

    async with raw_worker(rig, name) as other:
        again = await other.offer()

    assert again.dispatch_id == job.dispatch_id


@embedded_only(NEVER_AGAIN)
async def test_a_worker_that_registers_again_keeps_its_jobs(
    rig: RoomRig, name: str, worker: RawWorker, dispatch: AD.AgentDispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await worker.offer()
    await worker.accept(job)
    await worker.socket.close()

    async with raw_worker(rig, name) as again:
        await again.send(migrate_job=A.MigrateJobRequest(job_ids=[job.id, "AJ_unknown"]))
        await again.settle()
        (kept,) = await job_states(rig, dispatch)
        await rig.dispatch.delete_dispatch(dispatch.id, rig.room)
        ended = await again.first("termination")

    assert (kept.status, kept.worker_id) == (A.JobStatus.JS_RUNNING, again.id)
    assert ended.job_id == job.id


async def test_an_agent_whose_connection_is_lost_is_replaced(name: str) -> None:
    async with room_rig(resume_within=0.1) as rig, raw_worker(rig, name) as worker:
        await rig.dispatch.create_dispatch(wanted(rig, name))
        job = await worker.offer()
        token = (await worker.accept(job)).token
        async with rig.socket(token, protocol="16") as agent:
            await agent.first("join")

        again = await worker.offer()

    assert again.dispatch_id == job.dispatch_id


@embedded_only("this test has the livekit-server not for itself")
async def test_a_server_that_shuts_down_closes_the_websockets_of_its_workers(
    rig: RoomRig, worker: RawWorker
) -> None:
    await rig.server.close()

    await worker.closed()
