"""Conversations in a real browser, with the real site and the real simulator."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from rigs.browser.visitor import (
    EYE,
    Visitor,
    all_stored,
    events_of,
    numbers_of,
    row_with,
    session_row,
    visiting,
)
from rigs.browser.voice import seconds_of_voice, spoken
from rigs.processes import Simulator, Site
from rigs.wire import Wire

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Seconds of sound that may be on its way to the page when an interrupt clears the avatar's queue, and by which a
# browser's jitter buffer may lengthen sound.
ON_ITS_WAY = 0.5


async def test_a_click_brings_a_moving_picture_and_a_voice(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.listen()

    first = await visitor.picture()
    await visitor.hears_speech()

    assert sum(first) / len(first) > 30  # not black
    await visitor.page.wait_for_function(
        "async (first) => {"
        f"  const now = ({EYE})();"
        "  return now.some((value, i) => Math.abs(value - first[i]) > 8) }",
        arg=first,
    )


async def test_a_typed_question_is_answered_with_all_events_in_order(visitor: Visitor, site: Site) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()

    await visitor.ask("How do I interrupt you?")

    await expect(visitor.turns("user").last).to_have_text("How do I interrupt you?")
    await expect(visitor.turns("avatar")).to_have_count(2)  # the opening words, and the answer
    await visitor.state_is("Listening")
    await visitor.press("End")
    await expect(visitor.page.get_by_role("heading", name="Conversation ended")).to_be_visible()
    await all_stored(visitor, site)
    turn = r"avatar\.speak_started (avatar\.transcription\.chunk )+avatar\.transcription avatar\.speak_ended"
    events = " ".join(events_of(site, visitor.session_key(), "in"))
    assert re.fullmatch(f"{turn} {turn}( session\\.stopped)?", events), events
    assert "avatar.speak_response" in events_of(site, visitor.session_key(), "out")


async def test_after_an_interrupt_no_more_is_heard_than_is_shown(visitor: Visitor, site: Site) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()
    await visitor.listen()
    await visitor.record()
    long_text = (
        "One thing after the other, and then another thing, and so it goes on and on for quite a while. " * 4
    )
    await visitor.page.get_by_label("Your message").fill(long_text)
    await visitor.press("Say exactly")
    await visitor.hears_speech()

    await visitor.press("Interrupt")
    await visitor.state_is("Listening")
    await expect(visitor.page.locator(".turn-avatar").last).to_contain_text("interrupted")
    await visitor.hears_silence()

    shown = await visitor.turns("avatar").last.inner_text()
    assert long_text.startswith(shown.strip())
    assert seconds_of_voice(await visitor.recorded()) < (await spoken(shown)).seconds + ON_ITS_WAY
    assert "avatar.interrupt" in events_of(site, visitor.session_key(), "out")


async def test_the_avatar_says_exactly_what_it_is_told(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()
    heard = await visitor.turns("avatar").count()

    await visitor.page.get_by_label("Your message").fill("The quick brown fox jumps.")
    await visitor.press("Say exactly")

    await expect(visitor.turns("avatar")).to_have_count(heard + 1)
    await expect(visitor.turns("avatar").last).to_have_text("The quick brown fox jumps.")


async def test_end_tells_why_and_releases_everything(
    visitor: Visitor, site: Site, simulator: Simulator
) -> None:
    await visitor.start()

    await visitor.press("End")

    await expect(visitor.page.locator("[data-ended-text]")).to_have_text("You ended the conversation.")
    row = await row_with(site, visitor.session_key(), "released_at")
    assert (row["state"], row["end_reason"]) == ("ended", "USER_CLOSED")
    assert row["remote_id"] not in await _active(simulator)


async def test_an_end_by_the_service_reaches_the_visitor_in_plain_words(
    visitor: Visitor, site: Site, simulator: Simulator
) -> None:
    await visitor.start()
    remote_id = session_row(site, visitor.session_key())["remote_id"]

    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        stopped = await service.post(
            "/v1/sessions/stop", json={"session_id": remote_id, "reason": "IDLE_TIMEOUT"}
        )

    assert stopped.status_code == 200
    await expect(visitor.page.locator("[data-ended-text]")).to_have_text(
        "The conversation ended because nothing was said for a while."
    )
    assert session_row(site, visitor.session_key())["end_reason"] == "IDLE_TIMEOUT"


async def test_a_reload_in_mid_sentence_leaves_one_answer_and_says_that_the_avatar_speaks(
    visitor: Visitor,
) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()
    before = await visitor.turns("avatar").count()
    text = "The quick brown fox jumps over the lazy dog. " * 5

    await visitor.page.get_by_label("Your message").fill(text)
    await visitor.press("Say exactly")
    await expect(visitor.turns("avatar").last).to_contain_text("The quick brown")
    await visitor.page.reload()
    await visitor.sees_avatar()

    await visitor.state_is("Speaking")
    await expect(visitor.turns("avatar")).to_have_count(before + 1)
    await visitor.state_is("Listening", within=40)
    await expect(visitor.turns("avatar")).to_have_count(before + 1)
    await expect(visitor.turns("avatar").last).to_have_text(text.strip())
    await expect(visitor.page.locator(".turn-avatar .turn-mark:visible")).to_have_count(0)


async def test_a_reload_goes_on_with_the_same_conversation(visitor: Visitor, site: Site) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()
    said = await visitor.turns("avatar").first.inner_text()
    key = visitor.session_key()

    await visitor.page.reload()
    await visitor.sees_avatar()

    await expect(visitor.turns("avatar").first).to_have_text(said)
    await visitor.ask("What is LiveAvatar?")
    await visitor.state_is("Speaking")
    assert session_row(site, key)["state"] == "live"
    sources = {source for source in numbers_of(site, key) if source.startswith("page-")}
    assert len(sources) == 2


async def test_nothing_is_lost_or_doubled_when_the_line_is_cut(
    visitor: Visitor, site: Site, wire: Wire
) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()

    visitor.may_complain = True
    wire.refusing = True
    wire.cut()
    await visitor.page.get_by_label("Your message").fill("This is said without the site.")
    await visitor.press("Say exactly")
    await visitor.state_is("Speaking")
    await visitor.state_is("Listening")
    wire.refusing = False
    await visitor.press("End")
    await expect(visitor.page.get_by_role("heading", name="Conversation ended")).to_be_visible(timeout=20_000)

    await all_stored(visitor, site)
    key = visitor.session_key()
    numbers = next(seqs for source, seqs in numbers_of(site, key).items() if source.startswith("page-"))
    assert numbers == list(range(1, len(numbers) + 1))
    events = events_of(site, key, "in")
    assert events.count("avatar.speak_started") == 2
    assert events.count("avatar.speak_ended") == 2


async def test_closing_the_page_ends_the_session_after_the_grace(
    browser: Browser, wire: Wire, site: Site, simulator: Simulator
) -> None:
    async with visiting(browser, wire.url) as visitor:
        await visitor.start()
        key = visitor.session_key()
        await visitor.page.close()

    row = await row_with(site, key, "released_at")
    assert (row["state"], row["end_reason"]) == ("ended", "PAGE_CLOSED")


async def test_staff_read_the_conversation_in_the_admin(
    visitor: Visitor, browser: Browser, site: Site
) -> None:
    await visitor.start()
    await visitor.is_ready_to_talk()
    await visitor.ask("<b>What</b> is LiveAvatar?")
    await visitor.state_is("Speaking")
    await visitor.press("Interrupt")
    await visitor.state_is("Listening")
    await visitor.press("End")
    await expect(visitor.page.get_by_role("heading", name="Conversation ended")).to_be_visible()

    async with visiting(browser, site.url) as staff:
        await staff.page.goto("/admin/")
        await staff.page.get_by_label("Username").fill("staff")
        await staff.page.get_by_label("Password").fill("a long password")
        await staff.page.get_by_role("button", name="Log in").click()
        await staff.page.goto("/admin/sessions_app/avatarsession/")
        await staff.page.get_by_role("link", name=visitor.session_key()[:8]).click()
        transcript = staff.page.get_by_role("list").filter(has_text="What")
        await expect(transcript.last).to_contain_text("<b>What</b> is LiveAvatar?")
        await expect(transcript.last).to_contain_text("interrupted")
        await expect(staff.page.get_by_role("region", name="Events")).to_contain_text("avatar.speak_response")


async def test_two_visitors_talk_at_once_and_cannot_see_each_other(
    visitor: Visitor, browser: Browser, wire: Wire
) -> None:
    async with visiting(browser, wire.url) as other:
        await visitor.start()
        await other.start()
        await visitor.is_ready_to_talk()
        await other.is_ready_to_talk()

        await visitor.ask("my secret question")
        await visitor.state_is("Speaking")

        await expect(visitor.turns("user")).to_have_text("my secret question")
        await expect(other.turns("user")).to_have_count(0)
        peek = await other.page.request.get(f"/sessions/{visitor.session_key()}/")
        assert peek.status == 404


async def test_cancel_while_it_starts_ends_it(visitor: Visitor, site: Site, wire: Wire) -> None:
    await visitor.page.route("**/start/", _later)
    await visitor.page.goto("/?quality=low")
    await visitor.press("Start")

    await visitor.press("Cancel")

    await expect(visitor.page.locator("[data-ended-text]")).to_contain_text("You cancelled")
    assert (await row_with(site, visitor.session_key(), "end_reason"))["end_reason"] == "CANCELLED"


async def test_a_visit_starts_by_itself_and_only_once(visitor: Visitor, site: Site) -> None:
    before = _count(site)

    await visitor.page.goto("/visit/?quality=low")
    await visitor.sees_avatar()
    key = visitor.session_key()
    await visitor.page.reload()
    await visitor.sees_avatar()

    assert _count(site) == before + 1
    assert session_row(site, key)["state"] == "live"


async def test_a_browser_can_start_and_stop_the_session_itself(
    visitor: Visitor, site: Site, simulator: Simulator
) -> None:
    await visitor.start(start_mode="browser")
    await visitor.is_ready_to_talk()
    key = visitor.session_key()
    await visitor.ask("What is LiveAvatar?")
    await visitor.state_is("Speaking")

    await visitor.press("End")

    await expect(visitor.page.locator("[data-ended-text]")).to_have_text("You ended the conversation.")
    assert "page.session_started" in events_of(site, key, "page")
    assert (await row_with(site, key, "released_at"))["remote_id"] not in await _active(simulator)


async def _later(route: Any) -> None:
    """Hold the start back until the page gives up on it."""
    del route


async def _active(simulator: Simulator) -> set[str]:
    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        answer = await service.get("/v1/sessions", params={"type": "active", "page_size": 100})
    return {session["id"] for session in answer.json()["data"]["results"]}


def _count(site: Site) -> int:
    return int(site.rows("SELECT count(*) FROM sessions_app_avatarsession")[0][0])
