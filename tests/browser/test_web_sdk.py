"""The official browser SDK, unmodified from npm, against the simulator."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from tests.processes import ROOT, Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

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


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, origin: str) -> AsyncIterator[Page]:
    if not all(path.exists() for path in FILES.values()):
        pytest.skip("the official SDK is not installed (make node)")
    context = await browser.new_context(permissions=["microphone"])
    page = await context.new_page()
    await page.goto(origin)
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def origin() -> AsyncIterator[str]:
    """A web server with the page: Chromium lets only pages from this machine call this machine."""
    application = web.Application()
    application.router.add_get("/", _page)
    for path, file in FILES.items():
        application.router.add_get(path, partial(_file, file))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _file(file: Path, request: web.Request) -> web.FileResponse:
    return web.FileResponse(file, headers={"Content-Type": "text/javascript"})


async def token_for(simulator: Simulator, **changes: Any) -> str:
    """A FULL session with the first context, as a backend makes it."""
    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        avatars = (await service.get("/v1/avatars/public")).json()["data"]["results"]
        contexts = (await service.get("/v1/contexts")).json()["data"]["results"]
        body = {
            "mode": "FULL",
            "avatar_id": avatars[0]["id"],
            "avatar_persona": {"context_id": contexts[0]["id"], "language": "en"},
            "video_settings": {"quality": "low"},
            **changes,
        }
        answer = await service.post("/v1/sessions/token", json=body)
    return str(answer.json()["data"]["session_token"])


async def told(page: Page, name: str, count: int = 1) -> None:
    """Wait until the session told `name` so many times."""
    await page.wait_for_function(
        "([name, count]) => told.filter(([told]) => told === name).length >= count",
        arg=[name, count],
        timeout=20_000,
    )


async def test_a_full_session_from_start_to_stop(page: Page, simulator: Simulator) -> None:
    assert await page.evaluate(START, [await token_for(simulator), simulator.api_url]) == "CONNECTED"
    await told(page, "session.stream_ready")

    await page.evaluate("session.attach(document.querySelector('video'))")
    await page.wait_for_function("document.querySelector('video').videoWidth > 0")
    await told(page, "avatar.speak_ended")  # the opening words

    await page.evaluate("told.length = 0")
    asked = await page.evaluate("session.message('Can you hear me?')")
    await told(page, "avatar.speak_ended")
    answer = await _events(page)
    assert [name for name, _ in answer if name in {"avatar.speak_started", "avatar.speak_ended"}] == [
        "avatar.speak_started",
        "avatar.speak_ended",
    ]
    assert {event["source_event_id"] for _, event in answer} == {asked}
    chunks = "".join(event["text"] for name, event in answer if name == "avatar.transcription.chunk")
    full = [event["text"] for name, event in answer if name == "avatar.transcription"]
    assert [chunks.strip()] == [text.strip() for text in full]

    await page.evaluate("told.length = 0")
    await page.evaluate("session.repeat('This is said exactly as it is written, ' + 'again and '.repeat(30))")
    await told(page, "avatar.speak_started")
    await page.evaluate("session.interrupt()")
    await told(page, "avatar.speak_ended")

    await page.evaluate("session.stop()")
    await told(page, "session.disconnected")
    assert await page.evaluate("told.at(-1)") == ["session.disconnected", "CLIENT_INITIATED"]


async def test_the_sdk_learns_that_the_service_ended_the_session(page: Page, simulator: Simulator) -> None:
    await page.evaluate(START, [await token_for(simulator, max_session_duration=3), simulator.api_url])

    await told(page, "session.disconnected")

    stopped = [event for name, event in await _events(page) if name == "session.stopped"]
    assert [event["stop_reason"] for event in stopped] == ["MAX_DURATION_REACHED"]
    assert await page.evaluate("told.at(-1)") == ["session.disconnected", "SERVER_INITIATED"]


async def test_a_start_with_a_worthless_token_fails_with_the_services_words(
    page: Page, simulator: Simulator
) -> None:
    failure = await page.evaluate(
        "([start, token, url]) => eval(start)([token, url]).then(() => '', (error) => error.message)",
        [START, "worthless", simulator.api_url],
    )

    assert failure == "Not authenticated"
    await expect(page.locator("video")).to_have_js_property("videoWidth", 0)


async def _events(page: Page) -> list[tuple[str, Any]]:
    """The agent's events so far; session events carry no object."""
    return [(name, event) for name, event in await page.evaluate("told") if isinstance(event, dict)]
