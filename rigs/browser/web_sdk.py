"""The official browser SDK, unmodified from npm, on a page of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from rigs.processes import ROOT, Simulator

PACKAGES = ROOT / "node_modules"
FILES = {
    "/events.js": PACKAGES / "events" / "events.js",
    "/sdk.js": PACKAGES / "@heygen" / "liveavatar-web-sdk" / "dist" / "index.umd.js",
}
PAGE = """<!doctype html><title>SDK</title><video autoplay playsinline muted></video>
<script>var module = { exports: {} }, exports = module.exports</script>
<script src="/events.js"></script>
<script>globalThis.events$1 = module.exports; module = exports = undefined</script>
<script src="/sdk.js"></script>"""

# The session with everything it tells its listeners, in order.
START = """async ([token, apiUrl]) => {
  const { LiveAvatarSession, SessionEvent, AgentEventsEnum } = LiveAvatarSDK
  const session = new LiveAvatarSession(token, { apiUrl, voiceChat: true })
  window.session = session
  window.told = []
  for (const name of Object.values(AgentEventsEnum)) session.on(name, (event) => told.push([name, event]))
  for (const name of Object.values(SessionEvent)) session.on(name, (value) => told.push([name, value]))
  await session.start()
  return session.state
}"""


@asynccontextmanager
async def sdk_page(browser: Browser) -> AsyncIterator[Page]:
    """A page with the SDK. It comes from a web server: Chromium lets only pages from this machine call it."""
    if not all(path.exists() for path in FILES.values()):
        pytest.skip("the official SDK is not installed (make node)")
    application = web.Application()
    application.router.add_get("/", _page)
    for path, file in FILES.items():
        application.router.add_get(path, partial(_file, file))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    context = await browser.new_context(permissions=["microphone"])
    page = await context.new_page()
    await page.goto(f"http://localhost:{runner.addresses[0][1]}")
    try:
        yield page
    finally:
        await context.close()
        await runner.cleanup()


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _file(file: Any, request: web.Request) -> web.FileResponse:
    return web.FileResponse(file, headers={"Content-Type": "text/javascript"})


async def mint(simulator: Simulator, **fields: Any) -> str:
    """A session token with the first avatar, as a backend gets it."""
    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        avatars = (await service.get("/v1/avatars/public")).json()["data"]["results"]
        body = {"avatar_id": avatars[0]["id"], "video_settings": {"quality": "low"}, **fields}
        answer = await service.post("/v1/sessions/token", json=body)
    return str(answer.json()["data"]["session_token"])


async def told(page: Page, name: str, count: int = 1) -> None:
    """Wait until the session told `name` so many times."""
    await page.wait_for_function(
        "([name, count]) => told.filter(([told]) => told === name).length >= count",
        arg=[name, count],
        timeout=20_000,
    )
