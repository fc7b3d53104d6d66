"""The simulator's console in Chromium: live updates, forms and errors."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from rigs.processes import Simulator, running_simulator
from rigs.services.simulated_service import FULL, KEY

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def quiet_simulator() -> Iterator[Simulator]:
    """A simulator for this file only: faults would affect other tests."""
    with running_simulator() as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="session")
async def service(quiet_simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=quiet_simulator.api_url, headers=KEY, timeout=20) as service:
        yield service
        await service.post("/simulator/faults/off")


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, quiet_simulator: Simulator) -> AsyncIterator[Page]:
    complaints: list[str] = []
    page = await browser.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(quiet_simulator.api_url)
    await expect(page.locator("[data-stream='open']")).to_be_visible()
    yield page
    await page.close()
    assert [text for text in complaints if "status of 422" not in text] == []


async def start(service: httpx.AsyncClient) -> str:
    data = (await service.post("/v1/sessions/token", json=FULL)).json()["data"]
    bearer = {"Authorization": f"Bearer {data['session_token']}"}
    response = await service.post("/v1/sessions/start", headers=bearer)
    assert response.status_code == 201, response.text
    return data["session_id"]


async def test_the_console_follows_and_steers_a_session(page: Page, service: httpx.AsyncClient) -> None:
    session_id = await start(service)
    card = page.locator(f"#session-{session_id}")
    await expect(card.get_by_text("heygen")).to_be_visible()
    await expect(card.get_by_text("H264")).to_be_visible()

    await card.get_by_label("Text to say").fill("<b>Bold</b> words")
    await card.get_by_role("button", name="Say").click()
    log = page.locator("[data-log]")
    await expect(log.locator(".entry", has_text="avatar.speak_ended")).to_be_visible()
    await expect(log.locator("b")).to_have_count(0)

    await card.get_by_role("button", name="End").click()
    await expect(card).to_have_count(0)
    await expect(page.locator(".past", has_text="USER_CLOSED")).to_be_visible()


async def test_a_fault_is_switched_on_and_off(page: Page, service: httpx.AsyncClient) -> None:
    fault = page.locator("#fault-status")
    await fault.locator("summary").click()
    await fault.get_by_label("Status").select_option("503")
    await fault.get_by_role("button", name="Switch on").click()
    on = page.locator("#switched-on")
    await expect(on.get_by_text("every request")).to_be_visible()
    refused = await service.post("/v1/sessions/token", json=FULL)

    await on.get_by_role("button", name="Switch off Refused").click()
    await expect(on.get_by_text("No fault is active.")).to_be_visible()
    healthy = await service.post("/v1/sessions/token", json=FULL)

    assert (refused.status_code, healthy.status_code) == (503, 200)


async def test_a_refused_form_says_why(page: Page) -> None:
    fault = page.locator("#fault-slow")
    await fault.locator("summary").click()
    await fault.locator("form").evaluate("form => form.noValidate = true")
    await fault.locator("[name=seconds]").fill("99999")
    await fault.get_by_role("button", name="Switch on").click()

    await expect(page.get_by_role("status")).to_have_text("seconds must be a number from 0 to 600")


async def test_the_event_list_can_be_filtered_and_paused(page: Page, service: httpx.AsyncClient) -> None:
    await service.get("/v1/contexts")
    entries = page.locator("[data-log] .entry:visible")
    await expect(entries.filter(has_text="/v1/contexts")).to_have_count(1)

    await page.get_by_role("button", name="Pause").click()
    await service.get("/v1/languages")
    await expect(page.get_by_role("button", name="Resume (1)")).to_be_visible()
    await expect(entries.filter(has_text="/v1/languages")).to_have_count(0)
    await page.get_by_role("button", name="Resume").click()
    await expect(entries.filter(has_text="/v1/languages")).to_have_count(1)

    await page.get_by_role("searchbox", name="Text").fill("languages")
    await expect(entries).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1440])
async def test_nothing_is_wider_than_the_window(page: Page, service: httpx.AsyncClient, width: int) -> None:
    await start(service)
    await page.set_viewport_size({"width": width, "height": 900})

    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_room_secret_is_behind_a_click(page: Page, quiet_simulator: Simulator) -> None:
    secret = page.get_by_text(quiet_simulator.livekit_api_secret)
    await expect(secret).to_be_hidden()

    await page.get_by_text("Show the room secret").click()

    await expect(secret).to_be_visible()
