"""Many typed conversations at once, with the agents of two workers; one worker gets SIGTERM in the middle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from rigs.agent.custom_stage import CustomStage, second_site, until
from rigs.processes import Simulator, running_simulator
from rigs.rooms.guest import OWN, Guest, visiting
from rigs.rooms.room_rig import EMBEDDED, rooms_on
from rigs.services.speech_service import SpeechService, delta, speech_service
from rigs.services.voiceless_service import VoicelessService, voiceless_service
from simulator.settings import LiveKit

AT_ONCE = 2  # conversations that begin at the same time
LOST = 60.0  # seconds without an answer after which it counts as lost


@dataclass(frozen=True, slots=True)
class Crowd:
    """The figures of one run. `waits` are the seconds from typed questions to the end of their answers."""

    conversations: int
    moved: int
    cut: int  # answers that the move cut short
    waits: tuple[float, ...]
    wrong: tuple[str, ...]


async def answer_briefly(request: web.Request) -> web.StreamResponse:
    """Answer like a language model, briefly; the answer names the question."""
    question = (await request.json())["messages"][-1]["content"]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for line in (delta(reply_to(question)), delta(finish="stop"), "data: [DONE]"):
        await response.write(f"{line}\n\n".encode())
    return response


def reply_to(question: str) -> str:
    return f"This is for {question.removeprefix('What of ').removesuffix('?')}."


@dataclass
class CrowdStage:
    stage: CustomStage
    model: SpeechService
    service: VoicelessService


@asynccontextmanager
async def crowd_stage(capacity: int, server: str = EMBEDDED) -> AsyncIterator[CrowdStage]:
    """Two workers, each with `capacity`, so that one can take over the conversations of the other."""
    livekit = rooms_on(server)
    with running_simulator(livekit) as simulator:
        async with crowd_stage_at(simulator, capacity, livekit) as stage:
            yield stage


@asynccontextmanager
async def crowd_stage_at(
    simulator: Simulator, capacity: int, livekit: LiveKit | None = None
) -> AsyncIterator[CrowdStage]:
    """Two workers as in `crowd_stage`, at a simulator that runs already."""
    async with speech_service(answer_briefly) as model, voiceless_service() as service:
        service.catalogue = simulator.api_url
        site = {"LIVEAVATAR_API_URL": service.url, "AGENT_START_WITHIN": "60"}
        agent = {
            "LLM_URL": model.url,
            "LLM_API_KEY": "unused",
            "AGENT_CAPACITY": str(capacity),
            "AGENT_DRAIN": "1",
        }
        with second_site(simulator, livekit, **site) as stage:
            async with stage.crew(2, **agent):
                yield CrowdStage(stage, model, service)


async def crowd(on: CrowdStage, conversations: int, questions: int) -> Crowd:
    """Let every guest ask `questions` in turn; when all are half-way, one worker gets SIGTERM."""
    stage = on.stage
    async with AsyncExitStack() as all_guests:
        guests = await _arrive(stage, all_guests, conversations)
        asking = [_Asking(guest, number, questions) for number, guest in enumerate(guests)]
        async with asyncio.TaskGroup() as tasks:
            for each in asking:
                tasks.create_task(each.run(stage))
            await until(lambda: all(len(each.waits) >= questions // 2 for each in asking), LOST * questions)
            leaving = stage.workers[0]
            moved = sum(worker is leaving for worker, _ in stage.jobs())
            leaving.end()
        assert await leaving.ended() == 0, leaving.log.read_text()
        wrong = _wrong(on, asking)
        cut = sum(stage.interrupted(guest.key) for guest in guests)
    waits = [wait for each in asking for wait in each.waits]
    return Crowd(conversations, moved, cut, tuple(waits), tuple(wrong))


async def _arrive(stage: CustomStage, stack: AsyncExitStack, count: int) -> list[Guest]:
    door = asyncio.Semaphore(AT_ONCE)

    async def arrive() -> Guest:
        async with door:
            guest = await stack.enter_async_context(visiting(stage.site.url, OWN, context=""))
            await until(lambda: stage.lease(guest.key)["state"] == "listening")
            return guest

    return list(await asyncio.gather(*(arrive() for _ in range(count))))


class _Asking:
    """A guest who asks the next question when the last one is answered, also by another agent."""

    def __init__(self, guest: Guest, number: int, questions: int) -> None:
        self.guest = guest
        self.questions = [f"What of item {number} dash {question}?" for question in range(questions)]
        self.waits: list[float] = []

    async def run(self, stage: CustomStage) -> None:
        clock = asyncio.get_running_loop().time
        for question in self.questions:
            asked_at = clock()
            await self.guest.ask(question)
            await until(partial(stage.is_said, self.guest.key, reply_to(question)), LOST)
            self.waits.append(clock() - asked_at)


def _wrong(on: CrowdStage, asking: list[_Asking]) -> list[str]:
    wrong = []
    asked = Counter(body["messages"][-1]["content"] for body in on.model.asked)
    for each in asking:
        turns = Counter(on.stage.turns(each.guest.key))
        expected = Counter(
            turn
            for question in each.questions
            for turn in (("user", question), ("avatar", reply_to(question)))
        )
        if turns != expected:
            missing, more = expected - turns, turns - expected
            wrong.append(f"a transcript misses {list(missing)} and has {list(more)} too many")
        if again := [question for question in each.questions if asked[question] > 2]:
            wrong.append(f"asked the model more than twice: {again}")
        session = on.service.sessions[on.stage.session(each.guest.key)["remote_id"]]
        if session.stopped:
            wrong.append("the site stopped a session")
    return wrong
