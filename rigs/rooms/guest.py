"""A visitor of the site without a browser, with what the page has: forms, websocket and room."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
from livekit import rtc

from rigs.avatar.avatar_rig import Viewer
from simulator.seed import COFFEE_CONTEXT, WAYNE

PATIENCE = 60.0  # seconds for an answer of the site
HOSTED, OWN = "agent", "agent-own-room"  # values of the lobby's form: who answers


class Guest:
    """One visitor with one conversation. After the join `viewer` sees and hears the tracks of `room`."""

    def __init__(self, site_url: str) -> None:
        self.site_url = site_url
        self.http = httpx.AsyncClient(base_url=site_url, timeout=PATIENCE)
        self.path = ""
        self.room = rtc.Room()
        self.viewer = Viewer(self.room)
        self._page: asyncio.Task[None] | None = None
        self._seq = 0
        self._reports: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @property
    def key(self) -> str:
        """The session's key, as the database stores it."""
        return self.path.strip("/").rpartition("/")[2].replace("-", "")

    async def choose(self, answerer: str, context: str = COFFEE_CONTEXT, **choices: str) -> None:
        """Send the lobby's form. It creates the session but does not start it."""
        lobby = (await self.http.get("/")).raise_for_status()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', lobby.text)
        assert found, "the lobby has no form"
        self.http.headers.update({"X-CSRFToken": found[1], "Referer": self.site_url})
        form = {
            "request_id": str(uuid4()),
            "avatar_id": WAYNE,
            "voice_id": "",
            "language": "en",
            "context_id": context,
            "quality": "low",
            "interactivity": "CONVERSATIONAL",
            "start_mode": "click",
            "answerer": answerer,
            **choices,
        }
        answer = await self.http.post("/sessions/", data=form)
        assert answer.status_code == 302, answer.text
        self.path = answer.headers["location"]

    async def open_page(self) -> None:
        """Open the page's websocket and hold it until `close_page`."""
        ticket = (await self.http.post(f"{self.path}ticket/")).raise_for_status().json()["ticket"]
        opened = asyncio.get_running_loop().create_future()
        self._page = asyncio.create_task(self._hold_page(ticket, opened), name="page")
        await asyncio.wait({opened, self._page}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            self._page.result()

    async def close_page(self) -> None:
        if self._page is not None:
            self._page.cancel()
            await asyncio.wait({self._page})
            self._page = None

    async def start(self) -> httpx.Response:
        """Ask the site to start the session: 200 with the room, 502 or 409 with a reason."""
        return await self.http.post(f"{self.path}start/")

    async def join(self, started: httpx.Response) -> None:
        """Join the room that `start` returned."""
        way_in = started.raise_for_status().json()
        await self.room.connect(way_in["livekit_url"], way_in["livekit_client_token"])

    async def stop(self, reason: str = "user") -> dict[str, Any]:
        answer = await self.http.post(f"{self.path}stop/", json={"reason": reason})
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def ask(self, text: str) -> None:
        """Send a typed question to the room, and its event to the site, as the page does."""
        await self._order(event_type="avatar.speak_response", text=text)

    async def interrupt(self) -> None:
        await self._order(event_type="avatar.interrupt")

    async def close(self) -> None:
        await self.close_page()
        await self.room.disconnect()
        await self.viewer.close()
        await self.http.aclose()

    async def _order(self, **command: Any) -> None:
        self._seq += 1
        at = round(datetime.now(UTC).timestamp() * 1000)
        self._reports.put_nowait(
            {
                "seq": self._seq,
                "type": command["event_type"],
                "direction": "out",
                "at": at,
                "payload": command,
            }
        )
        await self.viewer.send(**command)

    async def _hold_page(self, ticket: str, opened: asyncio.Future[None]) -> None:
        url = f"{self.site_url.replace('http', 'ws')}/ws{self.path}"
        cookies = dict(self.http.cookies)
        async with (
            aiohttp.ClientSession(cookies=cookies) as http,
            http.ws_connect(url, headers={"Origin": self.site_url}) as socket,
        ):
            hello = {"type": "hello", "ticket": ticket, "source": f"page-{uuid4().hex}"}
            await socket.send_json(hello)
            assert (await socket.receive_json())["type"] == "welcome"
            opened.set_result(None)
            # aiohttp answers pings only while this reads.
            reading = asyncio.create_task(_read_on(socket), name="page, reading")
            try:
                while True:
                    await socket.send_json({"type": "events", "events": [await self._reports.get()]})
            finally:
                reading.cancel()
                await asyncio.wait({reading})


async def _read_on(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


@contextlib.asynccontextmanager
async def visiting(site_url: str, answerer: str, **choices: str) -> AsyncIterator[Guest]:
    """Run a conversation with a guest in its room; stop it when the block ends."""
    guest = Guest(site_url)
    try:
        await guest.choose(answerer, **choices)
        await guest.open_page()
        await guest.join(await guest.start())
        yield guest
    finally:
        if guest.path:
            await guest.stop()
        await guest.close()
