"""Kill an agent in the middle of its answer, and check what the visitor, the site and the room server have then."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from rigs.agent.custom_stage import CustomStage, empty_stage, until
from rigs.rooms.guest import Guest, visiting
from rigs.rooms.room_rig import EMBEDDED
from rigs.services.speech_service import SpeechService, delta, speech_service

JOB, WORKER = "job", "worker"  # the victim
FIRST, SECOND = "When do you open?", "Do you have tea?"
BEGINNINGS = {FIRST: "We open early", SECOND: "Tea we have"}
REST = ", and there is a lot more to be said about that. It goes on for a while, so that there is time to interrupt it."


async def answer_at_length(request: web.Request) -> web.StreamResponse:
    """Answer like a language model, at length; the beginning names the question."""
    question = (await request.json())["messages"][-1]["content"]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for line in (delta(BEGINNINGS[question] + REST), delta(finish="stop"), "data: [DONE]"):
        await response.write(f"{line}\n\n".encode())
    return response


@asynccontextmanager
async def loss_stage(server: str = EMBEDDED) -> AsyncIterator[tuple[CustomStage, SpeechService]]:
    """Two workers, and the language model that they use."""
    with empty_stage(server) as stage:
        async with talkative_crew(stage) as model:
            yield stage, model


@asynccontextmanager
async def talkative_crew(stage: CustomStage) -> AsyncIterator[SpeechService]:
    """Two workers on `stage`; yields the model they ask, which answers at length."""
    async with (
        speech_service(answer_at_length) as model,
        stage.crew(2, LLM_URL=model.url, LLM_API_KEY="unused"),
    ):
        yield model


@dataclass(frozen=True, slots=True)
class Loss:
    """Seconds from the kill. `wrong` lists the differences from the expected state."""

    until_hello: float
    until_listening: float
    until_answered: float  # the first sound of the answer to a question typed at `until_listening`
    wrong: tuple[str, ...]


async def lose_agent(stage: CustomStage, model: SpeechService, answerer: str, victim: str) -> Loss:
    """Kill the agent of a conversation (`JOB`) or its worker (`WORKER`) in mid-answer; continue with the next one."""
    clock = asyncio.get_running_loop().time
    if sum(worker.process.poll() is None for worker in stage.workers) < 2:  # one was killed before
        await asyncio.to_thread(stage.hire, **stage.workers[0].settings)
    model.asked.clear()
    async with visiting(stage.site.url, answerer, context="") as guest:
        viewer = guest.viewer
        await until(lambda: stage.lease(guest.key)["state"] == "listening")
        asked_at = clock()
        await guest.ask(FIRST)
        await viewer.sound(since=asked_at)
        await until(lambda: any(text.startswith(BEGINNINGS[FIRST]) for _, text in stage.turns(guest.key)))
        ((worker, job),) = stage.jobs()
        viewer.events.clear()
        killed_at = clock()
        os.kill(job.pid if victim == JOB else worker.pid, signal.SIGKILL)
        lost = stage.lease(guest.key)["job"]
        await until(lambda: stage.lease(guest.key)["job"] not in ("", lost))
        greeted_at = clock()
        await until(lambda: stage.lease(guest.key)["state"] == "listening")
        listening_at = clock()
        await guest.ask(SECOND)
        await viewer.event("avatar.speak_started")
        answered_at = await viewer.sound(since=clock())
        # The text is reported when it begins to sound, and stored a moment later.
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(stage.turns(guest.key)) == 4)
        wrong = await _wrong(stage, model, guest)
    return Loss(greeted_at - killed_at, listening_at - killed_at, answered_at - killed_at, tuple(wrong))


async def _wrong(stage: CustomStage, model: SpeechService, guest: Guest) -> list[str]:
    """Compare with the expected state while the second answer is heard."""
    wrong = []
    said = [(role, text[:10]) for role, text in stage.turns(guest.key)]
    expected = [
        (role, text[:10])
        for question in (FIRST, SECOND)
        for role, text in (("user", question), ("avatar", BEGINNINGS[question]))
    ]
    if said != expected:
        wrong.append(f"the transcript is {said}")
    questions = [asked["messages"][-1]["content"] for asked in model.asked]
    if questions != [FIRST, SECOND]:
        wrong.append(f"the model was asked {questions}")
    remembered = json.dumps(model.asked[-1]["messages"])
    if FIRST not in remembered or BEGINNINGS[FIRST] not in remembered:
        wrong.append("the new agent does not know the history")
    room = next(name for name in await stage.rooms() if guest.key in name)
    agents = [identity for identity in (await stage.rooms())[room] if identity.startswith("agent-")]
    if agents != [f"agent-{guest.key[:8]}-{stage.lease(guest.key)['attempt']}"]:
        wrong.append(f"the room holds {agents}")
    if len(dispatches := await stage.dispatches(room)) != 1:
        wrong.append(f"{len(dispatches)} dispatches")
    return wrong
