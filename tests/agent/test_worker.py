"""The worker as a process: it registers, takes jobs up to its capacity, outlives its server, and stops in order."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from livekit import api

from rigs.agent.agent_rig import PATIENCE, Conversation, Worker, conversation, worker
from rigs.agent.custom_stage import until
from rigs.rooms.room_rig import API_KEY, API_SECRET
from rigs.vendor import Vendor
from sessions_app.custom.lease import signed_key
from sessions_app.custom.livekit_server import livekit_server
from sessions_app.models import AgentLease

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rooms]

OPENING = "Welcome to the coffee shop, where we talk for a long time before a guest may say a word."


@pytest.fixture
async def talk(vendor: Vendor, settings: Any) -> AsyncIterator[Conversation]:
    async with conversation() as talk:
        settings.LIVEKIT_URL = talk.rooms.url
        settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = API_KEY, API_SECRET
        yield talk
        await livekit_server.aclose()


async def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Wait for the processes to end; return those that do not."""
    _, others = await asyncio.to_thread(psutil.wait_procs, family, timeout=PATIENCE)
    # In a container an orphan may stay a zombie until the first process reaps it.
    return [process for process in others if process.status() != psutil.STATUS_ZOMBIE]


@asynccontextmanager
async def working(talk: Conversation, **settings: str) -> AsyncIterator[Worker]:
    async with worker(talk.rooms.url, **settings) as running:
        await running.ready()
        yield running


async def speaks(talk: Conversation) -> None:
    """Have the avatar begin to speak."""
    said = await talk.media.command("agent.speak_end")
    await talk.media.say(
        {"type": "agent.speak_started", "event_id": "e", "source_event_id": said["event_id"]}
    )
    await talk.reported("avatar.speak_started")


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_a_worker_stopped_by_a_signal_hands_its_conversation_over_and_leaves_no_process(
    talk: Conversation, executor: str
) -> None:
    async with working(talk, AGENT_EXECUTOR=executor, LOG_LEVEL="DEBUG") as worker:
        await talk.begin(OPENING)
        await talk.joined()
        await speaks(talk)
        family = worker.family()

        worker.signal()
        code = await worker.over()

    reported = [kind for kind, _ in await talk.events()]
    assert code == 0, worker.said
    assert reported[-1] == "agent.leaving"
    assert "avatar.speak_ended" in reported
    assert (await AgentLease.objects.aget(session=talk.session)).attempt == 2
    assert len(family) >= 1  # espeak's, at least
    assert await alive(family) == []
    assert "Traceback" not in worker.said
    assert "ERROR" not in worker.said
    for secret in ("secret-of-the-url", API_SECRET, "eyJ", signed_key(talk.session, 1)[:20]):
        assert secret not in worker.said


@pytest.mark.parametrize("moment", ["initializing process", "process initialized"])
async def test_a_killed_worker_leaves_no_process(talk: Conversation, moment: str) -> None:
    async with working(talk, LOG_LEVEL="INFO") as worker:
        await talk.begin(OPENING)
        await talk.taken()
        await worker.logged(moment, 2)  # the second is for the next conversation
        family = worker.family()

        worker.signal(signal.SIGKILL)
        await worker.process.wait()

        assert await alive(family) == []


async def test_a_conversation_of_a_draining_worker_continues_until_a_second_signal(
    talk: Conversation,
) -> None:
    async with working(talk, AGENT_DRAIN="600") as worker:
        await talk.begin(OPENING)
        await talk.joined()
        await speaks(talk)

        worker.signal()
        said = talk.media.of("agent.speak_end")[0]["event_id"]
        await talk.media.say({"type": "agent.speak_ended", "event_id": "e", "source_event_id": said})
        await talk.reported("agent.answered", such=lambda answer: not answer["interrupted"])
        assert worker.process.returncode is None
        worker.signal(signal.SIGINT)

        assert await worker.over() == 0


async def test_a_worker_takes_simultaneous_conversations_up_to_its_capacity(talk: Conversation) -> None:
    async with working(talk, AGENT_CAPACITY="2"):
        others = [Conversation(talk.rooms, talk.site, talk.media) for _ in range(2)]
        for one in (talk, *others):
            await one.begin()

        async def two_taken() -> list[Conversation]:
            taken = [one for one in (talk, *others) if await one.is_taken()]
            return taken if len(taken) == 2 else []

        taken = await until(two_taken)
        [waiting] = [one for one in (talk, *others) if one not in taken]
        assert not await waiting.is_taken()
        await taken[0].end()

        await waiting.taken()


async def test_a_worker_waits_for_its_livekit_server_and_reconnects_to_it(talk: Conversation) -> None:
    talk.rooms.refuse_connections()
    async with worker(talk.rooms.url) as waiting:
        await waiting.logged("retrying")
        talk.rooms.accept_connections()
        await waiting.ready()

        await talk.rooms.restart_server()
        await talk.begin()
        await talk.taken()

    assert "Error)" in waiting.said


async def test_a_foreign_dispatch_is_rejected_and_the_worker_goes_on(talk: Conversation) -> None:
    async with working(talk) as worker:
        await talk.rooms.dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name="liveavatar", room="elsewhere", metadata=json.dumps({"key": "canary-key"})
            )
        )
        await worker.logged("the site did not make this dispatch")

        await talk.begin()
        await talk.taken()
    assert "canary" not in worker.said


async def test_a_worker_names_an_unusable_setting_and_exits(talk: Conversation) -> None:
    async with worker(talk.rooms.url, AGENT_TTS="nothing.of:TheKind") as refusing:
        code = await refusing.over()

    assert code == 1
    assert refusing.said.splitlines() == [
        "agent: AGENT_TTS=nothing.of:TheKind cannot be imported: No module named 'nothing'. "
        "Is its package installed?"
    ]
