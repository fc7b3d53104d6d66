"""Two processes of the site on one PostgreSQL and one Redis, the scripted service behind both, and visitors to them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import httpx
import psycopg

from rigs.processes import Site
from rigs.vendor import Vendor

PATIENCE = 30.0  # seconds until something that must happen is given up


@dataclass(frozen=True, slots=True)
class TwoSites:
    """What a test holds: both processes, their one database, and the service they share."""

    first: Site
    second: Site
    database_url: str
    vendor: Vendor

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the processes have committed. `query` is SQL with %s for each value."""
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def session(self, key: UUID, columns: str) -> tuple[Any, ...]:
        """Columns of one session's row."""
        (row,) = await self.rows(f"SELECT {columns} FROM sessions_app_avatarsession WHERE key = %s", key)
        return row

    async def stopped_for_want_of_a_page(self, visitor: "Visitor", key: UUID) -> None:
        """Start a session at the second process, show it no page, and wait until that process has stopped it.

        Other sessions that the second process began to wait for earlier have had their grace as well by then.
        """
        await visitor.start(self.second, key)
        (remote_id,) = await self.session(key, "remote_id")
        stopped = self.vendor.notice("/v1/sessions/stop", session_id=remote_id)
        async with asyncio.timeout(PATIENCE):
            await stopped.wait()
        assert await self.session(key, "end_reason") == ("PAGE_CLOSED",)


class Line:
    """A websocket to one of the processes, frames as JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, frame: dict[str, Any]) -> None:
        await self._socket.send_json(frame)

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(
            PATIENCE
        ):  # aiohttp's own timeout begins again with each of Daphne's pings
            frame: dict[str, Any] = await self._socket.receive_json()
        return frame

    async def receive_until(self, kind: str) -> dict[str, Any]:
        """The next frame of that type; those before it are skipped."""
        async with asyncio.timeout(PATIENCE):
            while (frame := await self.receive())["type"] != kind:
                pass
        return frame

    async def answer(self, kind: str) -> int | None:
        """Wait for a frame of that type: None when it comes, or the code that the line was closed with instead."""
        async with asyncio.timeout(PATIENCE):
            async for message in self._socket:
                if message.json()["type"] == kind:
                    return None
        return self._socket.close_code


@asynccontextmanager
async def line_to(site: Site, path: str, **headers: str) -> AsyncIterator[Line]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{site.url}{path}", headers=headers) as socket,
    ):
        yield Line(socket)


class Visitor:
    """One browser, as far as the processes can tell: they see the same cookies."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def create(self, site: Site, choice: dict[str, Any]) -> UUID:
        """Fill in the lobby's form; returns the key of the session."""
        await self._http.get(f"{site.url}/")  # sets the CSRF cookie
        response = await self.post(site, "/sessions/", choice)
        assert response.status_code == 302, response.text
        found = re.search(r"/sessions/([0-9a-f-]{36})/", response.headers["Location"])
        assert found is not None
        return UUID(found[1])

    async def start(self, site: Site, key: UUID) -> httpx.Response:
        return await self.post(site, f"/sessions/{key}/start/")

    async def stop(self, site: Site, key: UUID, reason: str = "user") -> httpx.Response:
        return await self.post(site, f"/sessions/{key}/stop/", json={"reason": reason})

    async def ticket(self, site: Site, key: UUID) -> str:
        ticket: str = (await self.post(site, f"/sessions/{key}/ticket/")).json()["ticket"]
        return ticket

    async def get(self, site: Site, path: str) -> httpx.Response:
        return await self._http.get(f"{site.url}{path}")

    async def post(
        self, site: Site, path: str, data: dict[str, Any] | None = None, json: object = None
    ) -> httpx.Response:
        token = {"X-CSRFToken": self._http.cookies["csrftoken"]}
        return await self._http.post(f"{site.url}{path}", data=data, json=json, headers=token)

    @asynccontextmanager
    async def socket(self, site: Site, key: UUID) -> AsyncIterator[Line]:
        """The page's websocket, before its first frame."""
        cookie = f"sessionid={self._http.cookies['sessionid']}"
        async with line_to(site, f"/ws/sessions/{key}/", Origin=site.url, Cookie=cookie) as line:
            yield line

    @asynccontextmanager
    async def page(self, site: Site, key: UUID, source: str = "page-1111") -> AsyncIterator[Line]:
        """The page's websocket, welcomed."""
        ticket = await self.ticket(site, key)
        async with self.socket(site, key) as line:
            await line.send({"type": "hello", "ticket": ticket, "source": source})
            assert (await line.receive())["type"] == "welcome"
            yield line


@asynccontextmanager
async def visiting() -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        yield Visitor(http)
