"""A scripted vendor behind the client's transport: it keeps the calls and answers as a test says."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
from aiohttp import web

from liveavatar import LiveAvatar

AVATAR = {"id": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a", "name": "Ava", "status": "ACTIVE", "type": "VIDEO"}
VOICE = {"id": "c2527536-6d1f-4412-a643-53a3497dada9", "name": "Clara", "language": "en"}
CONTEXT = {"id": "5b9dba8a-aa31-11f0-a6ee-066a7fa2e369", "name": "Guide"}
API_KEY = "canary-api-key-0123456789"

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Vendor:
    """Answers as LiveAvatar does. `answers` replaces the answer of a path, `calls` holds (path, body)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Answer] = {}
        self.client = LiveAvatar(
            API_KEY,
            base_url="http://service.test",
            transport=httpx.MockTransport(self._answer),
            sleep=_at_once,
        )

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that were posted to a path."""
        return [body for called, body in self.calls if called == path]

    def refuse(self, path: str, status: int, code: int, message: str) -> None:
        """Answer all calls of a path with an error."""

        async def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, json={"code": code, "data": None, "message": message})

        self.answers[path] = answer

    def hold(self, path: str) -> tuple[asyncio.Event, asyncio.Event]:
        """Hold the answers of a path. Return two events: a call has arrived, and (to be set) answer now."""
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            asked.set()
            await go_on.wait()
            return self._usual(request)

        self.answers[path] = answer
        return asked, go_on

    def notice(self, path: str, **fields: object) -> asyncio.Event:
        """An event that is set once the path is asked with these fields in its body."""
        asked = asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content or b"{}")
            if all(body.get(name) == value for name, value in fields.items()):
                asked.set()
            return self._usual(request)

        self.answers[path] = answer
        return asked

    def add_routes(self, app: web.Application) -> None:
        """Answer over HTTP as well, to sites that are processes of their own."""
        app.router.add_route("*", "/v1/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        asked = httpx.Request(request.method, str(request.url), content=await request.read())
        answer = await self._answer(asked)
        return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"{}")
        self.calls.append((request.url.path, body))
        if request.url.path in self.answers:
            return await self.answers[request.url.path](request)
        return self._usual(request)

    def _usual(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/sessions/token":
            return _ok({"session_id": str(uuid4()), "session_token": "canary-session-token"})
        if path == "/v1/sessions/start":
            room = {"livekit_url": "ws://rooms.test", "livekit_client_token": "canary-room-token"}
            rest = {"livekit_agent_token": None, "ws_url": None, "max_session_duration": 600}
            return _ok({"session_id": str(uuid4()), **room, **rest}, status=201)
        lists: dict[str, list[dict[str, Any]]] = {
            "/v1/avatars": [],
            "/v1/avatars/public": [AVATAR],
            "/v1/voices": [VOICE],
            "/v1/contexts": [CONTEXT],
        }
        if path in lists:
            return _ok({"count": 1, "next": None, "previous": None, "results": lists[path]})
        if path == "/v1/languages":
            return _ok([{"language": "English", "code": "en"}, {"language": "French", "code": "fr"}])
        return _ok(None)


def _ok(data: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"code": 1000, "data": data, "message": "success"})


async def _at_once(seconds: float) -> None:
    """Instead of the pause before a retry."""
