"""A real Chromium in front of the real site and the real simulator."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from rigs.browser.chromium import CHROMIUM_ARGUMENTS, chromium
from rigs.browser.recording import record
from rigs.browser.visitor import Visitor, visiting
from rigs.processes import Simulator, Site, running_simulator, running_site
from rigs.services.simulated_service import KEY
from rigs.sound.spoken_questions import COFFEE
from rigs.wire import Wire
from simulator.seed import COFFEE_CONTEXT, DEMO_CONTEXT

# How long an expectation may wait on a busy machine before the page counts as stuck.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    return path


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """Its avatars open with one word: most tests wait until the opening is over."""
    with running_simulator() as simulator:
        for context in (DEMO_CONTEXT, COFFEE_CONTEXT):
            change = {"opening_text": "Hello!"}
            httpx.patch(
                f"{simulator.api_url}/v1/contexts/{context}", json=change, headers=KEY
            ).raise_for_status()
        yield simulator


@pytest.fixture(scope="session")
def talkative_context(simulator: Simulator) -> str:
    """A context with an opening that takes long enough to be interrupted."""
    opening = (
        "Hello, it is good to see you! Ask me about LiveAvatar or about this site, by voice or by typing."
    )
    context = {"name": "Talkative", "prompt": COFFEE.read_text(), "opening_text": opening, "links": []}
    made = httpx.post(f"{simulator.api_url}/v1/contexts", json=context, headers=KEY).raise_for_status()
    return str(made.json()["data"]["id"])


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, talkative_context: str
) -> Iterator[Site]:
    del talkative_context  # the lobby keeps the list of contexts for a minute
    with running_site(tmp_path_factory.mktemp("site"), simulator.api_url) as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A Chromium whose microphone is in a quiet room. Its built-in test microphone beeps, which may pass for speech."""
    microphone = await record(tmp_path_factory.mktemp("microphone") / "quiet.wav")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=[*CHROMIUM_ARGUMENTS, microphone]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def wire(site: Site) -> AsyncIterator[Wire]:
    """The line between browser and site, which a test may cut."""
    wire = Wire(site.port)
    await wire.open()
    yield wire
    await wire.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, wire: Wire) -> AsyncIterator[Visitor]:
    async with visiting(browser, wire.url) as visitor:
        yield visitor
