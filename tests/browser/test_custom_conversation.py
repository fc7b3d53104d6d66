"""A whole spoken conversation in Chromium, in each mode and with each kind of room, and what is left of it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from rigs.agent.custom_stage import CustomStage, custom_stage, until
from rigs.browser.chromium import CHROMIUM_ARGUMENTS
from rigs.browser.recording import record
from rigs.browser.visitor import Visitor, row_with, visiting
from rigs.rooms.room_rig import EMBEDDED, REAL, needs_livekit_server
from simulator.seed import COFFEE_CONTEXT

pytestmark = [pytest.mark.browser, pytest.mark.rooms, pytest.mark.asyncio(loop_scope="session")]

# Seconds since the microphone was opened: the opening word is over; the answer is being spoken.
QUESTION_AT, INTERRUPTION_AT = 4.0, 8.5
WITHIN = 30_000  # milliseconds


def on_livekit_server(answerer: str, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(REAL, answerer, marks=[needs_livekit_server, *marks])


# On a livekit-server only the room of our own is always tested: of all conversations it takes most of that server, as
# the site opens the room, dispatches the agent and deletes the room. tests/simulator has the service's rooms there, and
# tests/agent/test_survival.py our agent in one.
EVERY_CONVERSATION = [
    *((EMBEDDED, answerer) for answerer in ("service", "agent", "agent-own-room")),
    on_livekit_server("agent-own-room"),
    *(on_livekit_server(answerer, pytest.mark.soak) for answerer in ("service", "agent")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[CustomStage]:
    """Simulator, site and an agent, with all rooms on one server."""
    async with custom_stage(request.param, workers=1) as stage:
        await stage.service("PATCH", f"/v1/contexts/{COFFEE_CONTEXT}", opening_text="Hello!")
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def microphone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Chromium's argument for a visitor who asks, and does not wait for the end of the answer to ask again."""
    return await record(
        tmp_path_factory.mktemp("microphone") / "microphone.wav",
        (QUESTION_AT, "What are your opening hours?"),
        (INTERRUPTION_AT, "Do you have oat milk?"),
    )


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium_path: str, stage: CustomStage, microphone: str) -> AsyncIterator[Visitor]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=[*CHROMIUM_ARGUMENTS, microphone]
        )
        try:
            async with visiting(browser, stage.site.url) as visitor:
                yield visitor
        finally:
            await browser.close()


@pytest.mark.parametrize(("stage", "answerer"), EVERY_CONVERSATION, indirect=["stage"])
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
