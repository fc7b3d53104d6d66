"""A whole spoken conversation in Chromium, whoever answers and wherever the room is; and what is left of it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from rigs.agent.custom_stage import CustomStage, custom_stage, until
from rigs.browser.chromium import CHROMIUM_ARGUMENTS
from rigs.browser.recording import record
from rigs.browser.visitor import Visitor, row_with, visiting
from rigs.rooms.room_rig import EVERY_SERVER
from simulator.seed import COFFEE_CONTEXT

pytestmark = [pytest.mark.browser, pytest.mark.rooms, pytest.mark.asyncio(loop_scope="session")]

# Seconds since the microphone was opened: the greeting is over; the answer is being spoken.
QUESTION_AT, INTERRUPTION_AT = 6.0, 10.5
WITHIN = 30_000  # milliseconds


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=EVERY_SERVER)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[CustomStage]:
    """Simulator, site and an agent, with all rooms on one server."""
    async with custom_stage(request.param, workers=1) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium_path: str, stage: CustomStage, tmp_path: Path) -> AsyncIterator[Visitor]:
    """Somebody who asks, and does not wait for the end of the answer to ask again."""
    microphone = await record(
        tmp_path / "microphone.wav",
        (QUESTION_AT, "What are your opening hours?"),
        (INTERRUPTION_AT, "Do you have oat milk?"),
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=[*CHROMIUM_ARGUMENTS, microphone]
        )
        try:
            async with visiting(browser, stage.site.url) as visitor:
                yield visitor
        finally:
            await browser.close()


@pytest.mark.parametrize("answerer", ["service", "agent", "agent-own-room"])
async def test_a_question_is_heard_answered_interrupted_and_nothing_is_left_in_the_end(
    visitor: Visitor, stage: CustomStage, answerer: str
) -> None:
    await visitor.start(context_id=COFFEE_CONTEXT, answerer=answerer)
    await visitor.is_ready_to_talk()
    await visitor.listen()
    answer = visitor.page.locator(".turn-avatar").nth(1)
    await expect(answer).to_be_visible(timeout=WITHIN)
    await visitor.hears_speech()
    await expect(answer).to_contain_text("interrupted", timeout=WITHIN)
    # Who speaks over the avatar is not understood word for word: the browser takes its voice out of theirs.
    await expect(visitor.turns("user")).to_have_text(
        [re.compile("opening hours", re.IGNORECASE), re.compile("do you", re.IGNORECASE)], timeout=WITHIN
    )
    await expect(visitor.turns("avatar")).to_have_count(3, timeout=WITHIN)
    await visitor.state_is("Speaking")
    await visitor.press("End")
    await expect(visitor.page.get_by_role("heading", name="Conversation ended")).to_be_visible()

    row = await row_with(stage.site, visitor.session_key(), "released_at")
    assert row["end_reason"] == "USER_CLOSED"
    assert row["remote_id"] not in await stage.open_at_service()
    assert not {row["remote_id"], visitor.session_key()} & {
        part for name in await stage.rooms() for part in (name, name.partition("-")[2])
    }
    await until(lambda: not stage.jobs())
    roles = [role for role, _ in stage.turns(visitor.session_key().replace("-", ""))]
    assert roles[:4] == ["avatar", "user", "avatar", "user"]
    # Of the answer that the end cut short, the service tells the whole text only when it is over.
    assert answerer == "service" or roles[4:] == ["avatar"]
