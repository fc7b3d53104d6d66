"""A visitor at a browser: what they do, see and hear, and what their browser complained about."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, expect

from rigs.processes import Site

# Loudness above this is speech; the room is silent otherwise.
LOUD = 0.01

# Writes down how loud the avatar's voice is, every 20 ms: [ms since the page began, root mean square].
EAR = """() => {
  const audio = document.querySelector("[data-audio]")
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  context.createMediaStreamSource(audio.srcObject).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  window.heard = []
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const square = samples.reduce((sum, sample) => sum + sample * sample, 0)
    window.heard.push([performance.now(), Math.sqrt(square / samples.length)])
  }, 20)
  return context.state
}"""

# Begins to record the avatar's voice, away from the page's own thread.
RECORD = """() => {
  window.recorder = new MediaRecorder(document.querySelector("[data-audio]").srcObject)
  window.recorded = []
  recorder.ondataavailable = ({ data }) => recorded.push(data)
  recorder.start()
}"""
# Ends the recording; its 16 kHz 16-bit samples as base64.
RECORDED = """async () => {
  const stopped = new Promise((resolve) => { recorder.onstop = resolve })
  recorder.stop()
  await stopped
  const packed = await new Blob(recorded).arrayBuffer()
  const sound = (await new OfflineAudioContext(1, 1, 16000).decodeAudioData(packed)).getChannelData(0)
  const bytes = new Uint8Array(Int16Array.from(sound, (sample) => Math.round(sample * 32767)).buffer)
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}"""

# A small copy of the picture: 32 x 18 brightness values.
EYE = """() => {
  const canvas = new OffscreenCanvas(32, 18)
  const context = canvas.getContext("2d")
  context.drawImage(document.querySelector("[data-video]"), 0, 0, 32, 18)
  const pixels = context.getImageData(0, 0, 32, 18).data
  return Array.from({ length: 32 * 18 }, (_, i) => (pixels[4 * i] + pixels[4 * i + 1] + pixels[4 * i + 2]) / 3)
}"""


class Visitor:
    """One browser with cookies of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.may_complain = False  # a test that takes the site away from the browser lets it
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def start(self, **choices: str) -> None:
        """Press Start in the lobby, with choices made by its address, and wait for the avatar."""
        query = "&".join(f"{name}={value}" for name, value in {"quality": "low", **choices}.items())
        await self.page.goto(f"/?{query}")
        await self.page.get_by_role("button", name="Start", exact=True).click()
        await self.sees_avatar()

    async def sees_avatar(self) -> None:
        await expect(self.page.locator("[data-video][data-live]")).to_be_visible(timeout=20_000)

    async def is_ready_to_talk(self) -> None:
        """The opening words are over."""
        await expect(self.turns("avatar").first).not_to_be_empty(timeout=15_000)
        await self.state_is("Listening")

    async def state_is(self, word: str, within: float = 20) -> None:
        await expect(self.page.locator("[data-state-word]")).to_have_text(word, timeout=within * 1000)

    async def ask(self, text: str) -> None:
        await self.page.get_by_label("Your message").fill(text)
        await self.press("Ask")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    def turns(self, role: str) -> Any:
        """What one side said, as the transcript shows it."""
        return self.page.locator(f".turn-{role} .turn-text")

    async def listen(self) -> None:
        """Begin to write down how loud the avatar is."""
        assert await self.page.evaluate(EAR) == "running"

    async def hears_speech(self) -> None:
        await self.page.wait_for_function(f"() => window.heard.some(([, loudness]) => loudness > {LOUD})")

    async def hears_silence(self) -> None:
        """Wait until the last second of what `listen` wrote down was silent."""
        await self.page.wait_for_function(
            f"() => heard.length >= 50 && heard.slice(-50).every(([, loudness]) => loudness < {LOUD})"
        )

    async def record(self) -> None:
        """Begin to record the avatar's voice."""
        await self.page.evaluate(RECORD)

    async def recorded(self) -> bytes:
        """End the recording; return it as 16 kHz, 16-bit mono PCM."""
        return base64.b64decode(await self.page.evaluate(RECORDED))

    async def picture(self) -> list[float]:
        return list(await self.page.evaluate(EYE))

    def session_key(self) -> str:
        """The key of the session whose page is open."""
        return self.page.url.rstrip("/").rsplit("/", 1)[-1]

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@asynccontextmanager
async def visiting(browser: Browser, url: str) -> AsyncIterator[Visitor]:
    """A visitor whose browser must have had nothing to complain about in the end."""
    context = await browser.new_context(base_url=url, permissions=["microphone"])
    visitor = Visitor(await context.new_page())
    try:
        yield visitor
    finally:
        await context.close()
    assert visitor.may_complain or visitor.complaints == []


def events_of(site: Site, key: str, direction: str) -> list[str]:
    """The types of a session's events, as they were committed."""
    rows = site.rows(
        "SELECT e.type FROM sessions_app_sessionevent e JOIN sessions_app_avatarsession s ON s.id = e.session_id"
        " WHERE s.key = ? AND e.direction = ? ORDER BY e.id",
        key.replace("-", ""),
        direction,
    )
    return [kind for (kind,) in rows]


def numbers_of(site: Site, key: str) -> dict[str, list[int]]:
    """The sequence numbers that were committed, by source."""
    rows = site.rows(
        "SELECT e.source, e.seq FROM sessions_app_sessionevent e"
        " JOIN sessions_app_avatarsession s ON s.id = e.session_id WHERE s.key = ? ORDER BY e.source, e.seq",
        key.replace("-", ""),
    )
    numbers: dict[str, list[int]] = {}
    for source, seq in rows:
        numbers.setdefault(source, []).append(seq)
    return numbers


def session_row(site: Site, key: str) -> dict[str, Any]:
    rows = site.rows(
        "SELECT state, end_reason, remote_id, released_at FROM sessions_app_avatarsession WHERE key = ?",
        key.replace("-", ""),
    )
    return dict(zip(("state", "end_reason", "remote_id", "released_at"), rows[0], strict=True))


async def row_with(site: Site, key: str, column: str) -> dict[str, Any]:
    """The session's row once it has `column`. The browser is not told, so this polls the database."""
    async with asyncio.timeout(20):
        while not (row := session_row(site, key))[column]:
            await asyncio.sleep(0.05)
    return row


async def all_stored(visitor: Visitor, site: Site, last: str = "page.closed") -> None:
    """Wait until the page's last event is committed: with its predecessors, for acks are cumulative."""
    async with asyncio.timeout(30):
        while last not in events_of(site, visitor.session_key(), "page"):
            await asyncio.sleep(0.05)
