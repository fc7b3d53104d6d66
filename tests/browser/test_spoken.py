"""A visitor who speaks: Chromium with a recording for a microphone, the real site, the real simulator."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from rigs.browser.chromium import CHROMIUM_ARGUMENTS
from rigs.browser.recording import record
from rigs.browser.visitor import Visitor, all_stored, events_of, visiting
from rigs.browser.voice import most_likely
from rigs.processes import Site
from rigs.sound.spoken_questions import ABOUT_COFFEE
from simulator.seed import COFFEE_CONTEXT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

GREETED = 4.0  # seconds; the opening word is over
QUESTION = "What are your opening hours?"

Speaking = Callable[..., AbstractAsyncContextManager[Visitor]]


@pytest.fixture
def speaking(chromium_path: str, site: Site, tmp_path: Path) -> Speaking:
    """A visitor who says one thing, some seconds after the microphone was opened."""

    @asynccontextmanager
    async def visitor_who_says(text: str, after: float) -> AsyncIterator[Visitor]:
        arguments = [*CHROMIUM_ARGUMENTS, await record(tmp_path / "microphone.wav", (after, text))]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
            try:
                async with visiting(browser, site.url) as visitor:
                    yield visitor
            finally:
                await browser.close()

    return visitor_who_says


async def test_a_spoken_question_is_shown_and_answered_aloud(speaking: Speaking, site: Site) -> None:
    async with speaking(QUESTION, after=GREETED) as visitor:
        await visitor.start(context_id=COFFEE_CONTEXT)
        await visitor.is_ready_to_talk()

        await expect(visitor.turns("user")).to_have_text(QUESTION, timeout=20_000)
        await expect(visitor.turns("avatar").last).to_contain_text("open from")
        await visitor.state_is("Listening")

        await visitor.press("End")
        await all_stored(visitor, site)
    events = " ".join(kind for kind in events_of(site, visitor.session_key(), "in") if "chunk" not in kind)
    assert re.search(
        r"user\.speak_started user\.speak_ended user\.transcription "
        r"avatar\.speak_started avatar\.transcription avatar\.speak_ended",
        events,
    )


async def test_what_the_page_plays_is_what_the_avatar_says(visitor: Visitor) -> None:
    await visitor.start(context_id=COFFEE_CONTEXT)
    await visitor.is_ready_to_talk()
    await visitor.state_is("Listening")
    sentences = [QUESTION, *(question.text for question in ABOUT_COFFEE[1:8])]

    async def said_exactly(times: int) -> str:
        await visitor.record()
        await visitor.page.get_by_label("Your message").fill(QUESTION)
        await visitor.press("Say exactly")
        await expect(visitor.turns("avatar")).to_have_count(1 + times)
        await expect(visitor.turns("avatar").last).to_have_text(QUESTION)
        await visitor.state_is("Listening")
        return await most_likely(sentences, await visitor.recorded())

    # A starved browser plays less than it was sent, so the visitor may ask for the sentence again.
    heard = [await said_exactly(1)]
    while QUESTION not in heard and len(heard) < 3:
        heard.append(await said_exactly(len(heard) + 1))
    assert heard[-1] == QUESTION


async def test_who_speaks_over_the_avatar_silences_it_and_is_answered(
    speaking: Speaking, talkative_context: str
) -> None:
    async with speaking("Do you have oat milk?", after=2.0) as visitor:
        await visitor.start(context_id=talkative_context)
        await expect(visitor.page.locator(".turn-avatar").first).to_contain_text(
            "interrupted", timeout=20_000
        )

        await expect(visitor.turns("user").first).not_to_be_empty()
        await expect(visitor.turns("avatar")).to_have_count(2, timeout=10_000)


async def test_push_to_talk_is_heard_while_the_button_is_held(speaking: Speaking) -> None:
    async with speaking(QUESTION, after=GREETED) as visitor:
        await visitor.start(context_id=COFFEE_CONTEXT, interactivity="PUSH_TO_TALK")
        await expect(visitor.turns("avatar").first).not_to_be_empty(timeout=15_000)
        await visitor.state_is("Muted")
        await visitor.page.get_by_role("button", name="Hold to talk").hover()
        await visitor.page.mouse.down()
        await expect(visitor.turns("user")).to_contain_text("hours", timeout=20_000)  # the words so far
        await visitor.page.mouse.up()

        await expect(visitor.turns("user")).to_have_text(QUESTION)
        await expect(visitor.turns("avatar").last).to_contain_text("open from")
