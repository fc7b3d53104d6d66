"""A session with its own LLM configuration: which brain answers, and what the LLM is asked."""

import json
from typing import Any

import pytest
from aiohttp import web

from rigs.avatar.avatar_rig import CONTEXT, avatar_rig
from rigs.rooms.room_rig import room_rig

pytestmark = pytest.mark.rooms

CAFE = CONTEXT | {"prompt": "You are a grumpy waiter. We open at nine.", "opening_text": "Yes?", "links": []}


class ChatService:
    """Speaks the OpenAI chat protocol on loopback: answers, or fails with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""
        self._runner: web.AppRunner

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def close(self) -> None:
        await self._runner.cleanup()

    def configuration(self) -> dict[str, str]:
        return {"base_url": self.url + "/", "model": "grump-1", "api_key": "a secret key"}

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for word in ("Well", ", at ", "nine. ", "As ", "always."):
            chunk = {"choices": [{"index": 0, "delta": {"content": word}}]}
            await answer.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await answer.write(b"data: [DONE]\n\n")
        return answer


@pytest.fixture
async def chat():
    chat = ChatService()
    await chat.open()
    yield chat
    await chat.close()


@pytest.fixture
async def rig():
    async with room_rig() as rooms, avatar_rig(rooms) as rig:
        yield rig


async def test_the_sessions_own_llm_answers_with_the_context_and_what_was_said(rig, chat):
    await rig.ready(context=CAFE, llm=chat.configuration())
    viewer = await rig.viewer()
    await viewer.event("avatar.transcription", text="Yes?")
    await viewer.event("avatar.speak_ended")
    await viewer.send(event_type="avatar.speak_response", event_id="q", text="When do you open?")
    await viewer.event("avatar.transcription", source_event_id="q", text="Well, at nine. As always.")
    await viewer.event("avatar.speak_ended", source_event_id="q")
    await viewer.send(event_type="avatar.speak_response", event_id="r", text="Really?")
    await viewer.event("avatar.speak_ended", source_event_id="r")

    assert chat.keys == ["Bearer a secret key"] * 2
    first, second = chat.requests
    assert (first["model"], first["stream"]) == ("grump-1", True)
    assert "grumpy waiter" in first["messages"][0]["content"]
    assert [(message["role"], message["content"]) for message in second["messages"][1:]] == [
        ("assistant", "Yes?"),
        ("user", "When do you open?"),
        ("assistant", "Well, at nine. As always."),
        ("user", "Really?"),
    ]


async def test_when_the_llm_fails_the_context_answers(rig, chat):
    chat.status = 500
    await rig.ready(context=CAFE | {"opening_text": None}, llm=chat.configuration())
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_response", event_id="q", text="When do you open?")

    await viewer.event("avatar.transcription", source_event_id="q", text="We open at nine.")


async def test_its_key_appears_nowhere(rig, chat):
    chat.status = 401
    worker = await rig.ready(context=CAFE | {"opening_text": None}, llm=chat.configuration())
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_response", event_id="q", text="When do you open?")
    await viewer.event("avatar.speak_ended")

    assert "a secret key" not in json.dumps([worker.reports, viewer.events])
