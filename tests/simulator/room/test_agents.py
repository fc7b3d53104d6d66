"""livekit-agents, unmodified and in its own processes, as a worker of the room server."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

import pytest
from livekit import api, rtc
from livekit.protocol.agent import Job

from rigs.processes import ROOT
from rigs.rooms.raw_worker import ready_for_jobs, some_agent
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

NAME = some_agent()
START_WITHIN, STOP_WITHIN = 60.0, 20.0  # seconds


@contextlib.asynccontextmanager
async def small_agent(rig: RoomRig, most_jobs: int = 3) -> AsyncIterator[Process]:
    environment = {
        **os.environ,
        "LIVEKIT_URL": rig.url,
        "LIVEKIT_API_KEY": API_KEY,
        "LIVEKIT_API_SECRET": API_SECRET,
        "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rigs.rooms.small_agent", NAME, str(most_jobs)),
        cwd=ROOT,
        env=environment,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), START_WITHIN) == b"registered\n"
        await ready_for_jobs(rig)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the processes of its jobs
        await process.wait()


@pytest.fixture
async def worker(rig: RoomRig) -> AsyncIterator[Process]:
    async with small_agent(rig) as process:
        yield process


async def agent_in(room: rtc.Room, but: str = "") -> rtc.RemoteParticipant:
    """Wait until the agent in a room has told its process id, other than `but`."""

    def found() -> list[rtc.RemoteParticipant]:
        others = room.remote_participants.values()
        return [one for one in others if one.attributes.get("pid", but) != but]

    await until(lambda: bool(found()))
    return found()[0]


async def dispatch(rig: RoomRig, metadata: str = "") -> str:
    wanted = api.CreateAgentDispatchRequest(room=rig.room, agent_name=NAME, metadata=metadata)
    return (await rig.dispatch.create_dispatch(wanted)).id


async def is_running(rig: RoomRig, dispatch_id: str) -> bool:
    return await job_of(rig, dispatch_id) is not None


async def job_of(rig: RoomRig, dispatch_id: str) -> Job | None:
    listed = await rig.dispatch.get_dispatch(dispatch_id, rig.room)
    return listed.state.jobs[0] if listed and listed.state.jobs else None


async def test_an_agent_joins_listens_answers_and_leaves(rig: RoomRig, worker: Process) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_attributes_changed", "participant_disconnected")
    answer = asyncio.get_running_loop().create_future()

    async def read(reader: rtc.TextStreamReader) -> None:
        answer.set_result(await reader.read_all())

    reading: list[asyncio.Task[None]] = []
    bob.register_text_stream_handler(
        "answer", lambda reader, _: reading.append(asyncio.create_task(read(reader)))
    )
    dispatch_id = await dispatch(rig, "echo")
    agent = await agent_in(bob)
    publisher = await Publisher(bob, tone=600).start()

    await bob.local_participant.send_text("hello", topic="question")
    await events.first("participant_attributes_changed", lambda changed, _: "heard" in changed)
    await rig.dispatch.delete_dispatch(dispatch_id, rig.room)
    (left,) = await events.first("participant_disconnected")

    assert agent.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    assert int(agent.attributes["heard"]) == pytest.approx(600, abs=10)
    assert await answer == "echo: olleh"
    assert left.identity == agent.identity
    await publisher.stop()


async def test_a_worker_that_drains_finishes_its_jobs_first(rig: RoomRig, worker: Process) -> None:
    bob = await rig.join("bob")
    dispatch_id = await dispatch(rig)
    agent = await agent_in(bob)

    worker.send_signal(signal.SIGTERM)
    publisher = await Publisher(bob).start()
    await until(lambda: "heard" in agent.attributes)
    await rig.dispatch.delete_dispatch(dispatch_id, rig.room)

    assert await asyncio.wait_for(worker.wait(), STOP_WITHIN) == 0
    await publisher.stop()


@embedded_only("livekit-server does not offer a failed job again")
async def test_the_agent_of_a_killed_process_is_replaced(rig: RoomRig, worker: Process) -> None:
    bob = await rig.join("bob")
    events = Events(bob, "participant_disconnected")
    await dispatch(rig)
    agent = await agent_in(bob)
    pid = agent.attributes["pid"]

    os.kill(int(pid), signal.SIGKILL)
    another = await agent_in(bob, but=pid)

    assert another.identity != agent.identity
    (left,) = await events.first("participant_disconnected")
    assert left.identity == agent.identity


@embedded_only("livekit-server forgets what it could not serve at once")
async def test_a_full_worker_gets_the_next_job_when_it_has_finished_one(rig: RoomRig) -> None:
    async with small_agent(rig, most_jobs=1):
        first = await dispatch(rig)
        await until(lambda: is_running(rig, first))
        waiting = await dispatch(rig)
        deleted = await rig.dispatch.delete_dispatch(first, rig.room)

        await until(lambda: is_running(rig, waiting))

        second = await job_of(rig, waiting)
    assert second is not None
    assert second.state.started_at > deleted.state.jobs[0].state.ended_at
