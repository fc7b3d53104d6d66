"""The official browser SDK in LITE mode against the simulator: sound by websocket, picture and voice from the room."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from rigs.browser.web_sdk import START, mint, sdk_page, told
from rigs.processes import Simulator, running_simulator
from simulator.avatar.tone import tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

STARTED, ENDED = "avatar.speak_started", "avatar.speak_ended"
# Keeps what goes over every websocket to the media path, as the network tab would show it, and every fetch.
SPY = """() => {
  window.frames = []
  window.calls = []
  const Socket = WebSocket
  window.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(url, protocols)
      if (!String(url).includes("/media/")) return
      this.addEventListener("message", (event) => frames.push(JSON.parse(event.data)))
    }
  }
  const fetching = window.fetch
  window.fetch = async (...request) => {
    const response = await fetching(...request)
    calls.push([new URL(request[0]).pathname, response.status])
    return response
  }
}"""
# The strongest pitch of what comes from the room, and how loud it is (0 to 255), ten times a second.
LISTEN = """() => {
  const stream = document.querySelector("video").srcObject
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 4096
  context.createMediaStreamSource(stream).connect(analyser)
  const bins = new Uint8Array(analyser.frequencyBinCount)
  window.heard = []
  setInterval(() => {
    analyser.getByteFrequencyData(bins)
    const loudest = bins.indexOf(Math.max(...bins))
    heard.push([Math.round((loudest * context.sampleRate) / analyser.fftSize), bins[loudest]])
  }, 100)
}"""
HUM = "heard.some(([pitch, loud]) => loud > 150 && Math.abs(pitch - 440) < 15)"
SILENCE = "heard.length > 5 && heard.slice(-5).every(([, loud]) => loud < 50)"


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with sdk_page(browser) as page:
        await page.evaluate(SPY)
        yield page


async def start(page: Page, simulator: Simulator, **fields: Any) -> None:
    token = await mint(simulator, mode="LITE", **fields)
    assert await page.evaluate(START, [token, simulator.api_url]) == "CONNECTED"


def sound(seconds: float) -> str:
    return base64.b64encode(tone(seconds, 440)).decode()


async def test_audio_is_spoken_interrupted_and_the_session_stopped(page: Page, simulator: Simulator) -> None:
    await start(page, simulator)
    await told(page, "session.stream_ready")
    await page.evaluate("session.attach(document.querySelector('video'))")
    await page.wait_for_function("document.querySelector('video').videoWidth > 0")
    await page.evaluate(LISTEN)

    await page.evaluate("(audio) => session.repeatAudio(audio)", sound(2))
    await told(page, STARTED)
    await page.wait_for_function(HUM)
    await told(page, ENDED)
    await page.wait_for_function(SILENCE)

    await page.evaluate("(audio) => { heard.length = 0; session.repeatAudio(audio) }", sound(20))
    await told(page, STARTED, 2)
    await page.wait_for_function(HUM)
    await page.evaluate("session.interrupt()")
    await told(page, ENDED, 2)
    await page.wait_for_function(SILENCE)

    speaking = [event for name, event in await page.evaluate("told") if name in (STARTED, ENDED)]
    tasks = [frame["task"]["id"] for frame in await frames(page) if frame["type"].startswith("agent.speak_")]
    assert [event["event_type"] for event in speaking] == [STARTED, ENDED] * 2
    assert len({event["event_id"] for event in speaking}) == 4
    assert len(set(tasks)) == 2

    await page.evaluate("session.stop()")
    await told(page, "session.disconnected")
    assert await page.evaluate("told.at(-1)") == ["session.disconnected", "CLIENT_INITIATED"]
    await page.wait_for_function("calls.some(([path, status]) => path.endsWith('/stop') && status === 200)")


async def test_poses_and_keep_alive_reach_the_service(page: Page, simulator: Simulator) -> None:
    await start(page, simulator)

    await page.evaluate("session.startListening()")
    await page.wait_for_function("frames.some((frame) => frame.new_state === 'listening')")
    await page.evaluate("session.stopListening()")
    await page.wait_for_function("frames.some((frame) => frame.new_state === 'idle')")
    await page.evaluate("session.keepAlive()")
    await page.wait_for_function(
        "calls.some(([path, status]) => path.endsWith('/keep-alive') && status === 200)"
    )

    with pytest.raises(Exception, match="Not permitted in LITE mode"):
        await page.evaluate("session.repeat('words')")
    await page.evaluate("session.stop()")
    await told(page, "session.disconnected")


async def test_the_sdk_learns_that_the_service_ended_the_session(page: Page, simulator: Simulator) -> None:
    await start(page, simulator, max_session_duration=3)
    await page.evaluate("(audio) => session.repeatAudio(audio)", sound(20))

    await told(page, "session.disconnected")

    assert await page.evaluate("told.at(-1)") == ["session.disconnected", "UNKNOWN_REASON"]
    states = [frame["state"] for frame in await frames(page) if frame["type"] == "session.state_updated"]
    assert states[-2:] == ["disconnected", "closed"]


async def test_a_refused_start_fails_with_the_services_words(page: Page) -> None:
    with running_simulator(SIMULATOR_CREDITS="0") as poor:
        token = await mint(poor, mode="LITE")
        failure = await page.evaluate(
            "([start, token, url]) => eval(start)([token, url]).then(() => '', (error) => error.message)",
            [START, token, poor.api_url],
        )

    assert failure.startswith("Not enough credits for this session")


async def frames(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("frames")
    return found
