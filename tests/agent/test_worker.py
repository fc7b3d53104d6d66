"""The worker as a process: it registers, takes as much as it can hold, survives its server, and leaves in order."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from livekit import api

from rigs.agent.agent_rig import Conversation, Worker, conversation, worker
from rigs.rooms.room_rig import API_KEY, API_SECRET
from rigs.vendor import Vendor
from sessions_app.custom.lease import signed_key
from sessions_app.custom.livekit_server import livekit_server
from sessions_app.models import AgentLease

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rooms]

OPENING = "Welcome to the coffee shop, where we talk for a long time before anybody else may say a word."


@pytest.fixture
async def talk(vendor: Vendor, settings: Any) -> AsyncIterator[Conversation]:
    async with conversation() as talk:
        settings.LIVEKIT_URL = talk.rooms.url
        settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = API_KEY, API_SECRET
        yield talk
        await livekit_server.aclose()


@asynccontextmanager
async def working(talk: Conversation, **settings: str) -> AsyncIterator[Worker]:
    async with worker(talk.rooms.url, **settings) as running:
        await running.ready()
        yield running


async def speaks(talk: Conversation) -> None:
    """Let the avatar begin to be heard."""
    said = await talk.media.command("agent.speak_end")
    await talk.media.say(
        {"type": "agent.speak_started", "event_id": "e", "source_event_id": said["event_id"]}
    )
    await talk.told("avatar.speak_started")


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_a_worker_that_is_told_to_stop_hands_over_and_leaves_nothing(
    talk: Conversation, executor: str
) -> None:
    async with working(talk, AGENT_EXECUTOR=executor, LOG_LEVEL="DEBUG") as worker:
        await talk.begin(OPENING)
        await talk.joined()
        await speaks(talk)
        family = worker.family()

        worker.signal()
        code = await worker.over()

    told = [kind for kind, _ in await talk.events()]
    assert code == 0, worker.said
    assert told[-1] == "agent.leaving"
    assert "avatar.speak_ended" in told
    assert (await AgentLease.objects.aget(session=talk.session)).attempt == 2
    assert len(family) >= 1  # espeak's, at least
    # Whose parent is gone may wait for a container's first process to take note of its end.
    alive = [one for one in psutil.wait_procs(family, timeout=1)[1] if one.status() != psutil.STATUS_ZOMBIE]
    assert alive == []
    assert "Traceback" not in worker.said
    assert "ERROR" not in worker.said
    for secret in ("secret-of-the-url", API_SECRET, "eyJ", signed_key(talk.session, 1)[:20]):
        assert secret not in worker.said


@pytest.mark.parametrize("moment", ["initializing process", "process initialized"])
async def test_a_worker_that_is_killed_leaves_no_process(talk: Conversation, moment: str) -> None:
    async with working(talk, LOG_LEVEL="INFO") as worker:
        await talk.begin(OPENING)
        await talk.taken()
        async with asyncio.timeout(30):
            while worker.said.count(moment) < 2:  # the second is for the next conversation
                await asyncio.sleep(0.01)
        family = worker.family()

        worker.signal(signal.SIGKILL)
        await worker.process.wait()

        ended = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
    assert [one for one in ended[1] if one.status() != psutil.STATUS_ZOMBIE] == []


async def test_a_conversation_may_go_on_until_a_second_signal(talk: Conversation) -> None:
    async with working(talk, AGENT_DRAIN="600") as worker:
        await talk.begin(OPENING)
        await talk.joined()
        await speaks(talk)

        worker.signal()
        said = talk.media.of("agent.speak_end")[0]["event_id"]
        await talk.media.say({"type": "agent.speak_ended", "event_id": "e", "source_event_id": said})
        await talk.told("agent.answered", such=lambda answer: not answer["interrupted"])
        assert worker.process.returncode is None
        worker.signal(signal.SIGINT)

        assert await worker.over() == 0


async def test_conversations_that_begin_at_once_are_taken_up_to_the_capacity(talk: Conversation) -> None:
    async with working(talk, AGENT_CAPACITY="2"):
        others = [Conversation(talk.rooms, talk.site, talk.media) for _ in range(2)]
        for one in (talk, *others):
            await one.begin()

        async with asyncio.timeout(30):
            while len(taken := [one for one in (talk, *others) if await one.is_taken()]) < 2:
                await asyncio.sleep(0.05)
        [waiting] = [one for one in (talk, *others) if one not in taken]
        assert not await waiting.is_taken()
        await taken[0].end()

        async with asyncio.timeout(30):
            while not await waiting.is_taken():
                await asyncio.sleep(0.05)


async def test_a_worker_waits_for_its_server_and_comes_back_to_it(talk: Conversation) -> None:
    talk.rooms.refuse_connections()
    async with worker(talk.rooms.url) as waiting:
        async with asyncio.timeout(40):
            while "retrying" not in waiting.said:
                await asyncio.sleep(0.05)
        talk.rooms.accept_connections()
        await waiting.ready()

        await talk.rooms.restart_server()
        await talk.begin()
        await talk.taken()

    assert "Error)" in waiting.said


async def test_a_dispatch_of_somebody_else_is_refused_and_the_worker_lives(talk: Conversation) -> None:
    async with working(talk) as worker:
        await talk.rooms.dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name="liveavatar", room="elsewhere", metadata=json.dumps({"key": "canary-key"})
            )
        )
        async with asyncio.timeout(30):
            while "a dispatch is refused" not in worker.said:
                await asyncio.sleep(0.05)

        await talk.begin()
        await talk.taken()
    assert "canary" not in worker.said


async def test_a_worker_with_a_setting_it_cannot_use_says_so_and_does_not_start(talk: Conversation) -> None:
    async with worker(talk.rooms.url, AGENT_TTS="nothing.of:TheKind") as refusing:
        code = await refusing.over()

    assert code == 1
    assert refusing.said.splitlines() == [
        "agent: AGENT_TTS=nothing.of:TheKind cannot be imported: No module named 'nothing'. "
        "Is its package installed?"
    ]
