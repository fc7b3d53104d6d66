"""The official browser SDK, unmodified from npm, against the simulator."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from rigs.browser.web_sdk import START, mint, sdk_page, told
from rigs.processes import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with sdk_page(browser) as page:
        yield page


async def token_for(simulator: Simulator, **changes: Any) -> str:
    """A FULL session with the first context, as a backend makes it."""
    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        contexts = (await service.get("/v1/contexts")).json()["data"]["results"]
    persona = {"context_id": contexts[0]["id"], "language": "en"}
    return await mint(simulator, **{"mode": "FULL", "avatar_persona": persona, **changes})


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
