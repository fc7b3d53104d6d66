"""A session page whose LiveKit module does not load: nothing is started, and the visitor can try again."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Request, Route, expect

from rigs.browser.visitor import Visitor, row_with
from rigs.processes import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MODULE = "**/vendor/livekit-client-*"


async def _as_plain_text(route: Route) -> None:
    """The file is there, with the wrong type: browsers run no module that is sent as text."""
    await route.fulfill(response=await route.fetch(), content_type="text/plain")


async def _missing(route: Route) -> None:
    await route.fulfill(status=404, content_type="text/html", body="Not found")


async def _unreachable(route: Route) -> None:
    await route.abort()


@pytest.mark.parametrize("answer", [_as_plain_text, _missing, _unreachable])
async def test_a_module_that_does_not_load_starts_nothing_and_says_so(
    visitor: Visitor, site: Site, answer: Callable[[Route], Awaitable[None]]
) -> None:
    visitor.may_complain = True  # about the module
    starts: list[Request] = []
    visitor.page.on("request", lambda request: starts.append(request) if _is_start(request) else None)
    await visitor.page.route(MODULE, answer)

    await visitor.page.goto("/?quality=low")
    await visitor.press("Start")

    await expect(visitor.page.get_by_role("heading", name="The conversation did not start")).to_be_visible()
    await expect(visitor.page.locator("[data-ended-text]")).to_have_text(
        "A part of this page could not be loaded. Check your connection, then try again."
    )
    row = await row_with(site, visitor.session_key(), "end_reason")
    assert (starts, row["end_reason"], row["remote_id"]) == ([], "START_FAILED", "")


async def test_the_end_of_a_conversation_without_words_takes_the_whole_width(visitor: Visitor) -> None:
    visitor.may_complain = True
    await visitor.page.set_viewport_size({"width": 1440, "height": 900})
    await visitor.page.route(MODULE, _missing)
    await visitor.page.goto("/?quality=low")
    await visitor.press("Start")
    await expect(visitor.page.get_by_role("link", name="Try again")).to_be_visible()

    left, right = await visitor.page.evaluate(
        """() => {
            const call = document.querySelector("[data-call]").getBoundingClientRect();
            const ended = document.querySelector("[data-ended]").getBoundingClientRect();
            return [ended.left - call.left, call.right - ended.right];
        }"""
    )

    assert left == pytest.approx(right, abs=1)


async def test_try_again_starts_a_conversation_once_the_module_loads(visitor: Visitor) -> None:
    visitor.may_complain = True
    await visitor.page.route(MODULE, _missing)
    await visitor.page.goto("/?quality=low")
    await visitor.press("Start")
    again = visitor.page.get_by_role("link", name="Try again")
    await expect(again).to_be_visible()

    await visitor.page.unroute(MODULE)
    await again.click()
    await visitor.press("Start")

    await visitor.sees_avatar()


def _is_start(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/start/")
