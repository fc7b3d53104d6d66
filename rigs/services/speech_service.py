"""An OpenAI-compatible service on loopback with answers scripted by the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from voice.settings import Endpoint

KEY = "sk-a-secret-that-is-in-no-log"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class SpeechService:
    """`answer` answers every request. `asked` holds the bodies of the requests, `headers` their headers."""

    answer: Answer
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    given_up: asyncio.Event = field(
        default_factory=asyncio.Event
    )  # the client disconnected before the answer

    def endpoint(self, *, timeout: float = 10.0, key: str = KEY) -> Endpoint:
        return Endpoint(self.url, "a-model", key, timeout)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(request.headers)
        if request.content_type == "application/json":
            self.asked.append(await request.json())
        else:
            self.asked.append({name: _content(value) for name, value in (await request.post()).items()})
        try:
            return await self.answer(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.given_up.set()
            raise


def _content(value: str | bytes | bytearray | web.FileField) -> str | bytes | bytearray:
    if not isinstance(value, web.FileField):
        return value
    with value.file:
        return value.file.read()


@asynccontextmanager
async def speech_service(answer: Answer) -> AsyncIterator[SpeechService]:
    service = SpeechService(answer)
    app = web.Application()
    app.router.add_post("/v1/{path:.*}", service.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield service
    finally:
        await runner.cleanup()


def status(code: int, **headers: str) -> Answer:
    """Refuse with `code`. Like some services, quote the key in the body."""

    async def answer(request: web.Request) -> web.StreamResponse:
        error = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        return web.json_response(error, status=code, headers=headers)

    return answer


def body(content: bytes | str, content_type: str = "application/json") -> Answer:
    """Answer 200 with `content`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        data = content.encode() if isinstance(content, str) else content
        return web.Response(body=data, headers={"Content-Type": content_type})

    return answer


def events(*lines: str, then: str = "end") -> Answer:
    """Answer with a stream of server-sent events. `then`: "end" it, "break" the connection, or "hang"."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for line in lines:
            await response.write(f"{line}\n\n".encode())
        if then == "break":
            assert request.transport is not None
            request.transport.close()
        if then == "hang":
            await asyncio.Event().wait()
        return response

    return answer


def delta(text: str | None = None, *, finish: str | None = None, **more: Any) -> str:
    """Return one event of a chat stream."""
    content = {} if text is None else {"content": text}
    return "data: " + json.dumps(
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "a-model",
            "choices": [{"index": 0, "delta": content | more, "finish_reason": finish}],
        }
    )


async def hanging(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError
