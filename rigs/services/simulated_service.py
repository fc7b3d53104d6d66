"""A simulator in the test's own event loop, on a free port, with an HTTP client for it."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RUST_LOG", "off")  # livekit's native library reads it once, when it is loaded

import httpx

from rigs.services.openapi_checks import check_answer
from simulator.addresses import Addresses
from simulator.seed import WAYNE
from simulator.server import serving
from simulator.settings import Settings
from simulator.world import World

KEY = {"X-API-KEY": "test-key"}
SCRIPTED_WORKER = (sys.executable, str(Path(__file__).parent / "scripted_worker.py"))
FULL = {"mode": "FULL", "avatar_id": WAYNE, "avatar_persona": {}}


class SimulatedService:
    """The addresses of a simulator, and the requests that tests send most often."""

    def __init__(self, addresses: Addresses, http: httpx.AsyncClient) -> None:
        self.addresses = addresses
        self.http = http

    async def mint(self, script: str = "normal", **fields: Any) -> tuple[str, dict[str, str]]:
        """Create a FULL session. Return its id and the Authorization header with its token.

        `script` says what the scripted worker does.
        """
        body = {**FULL, "dynamic_variables": {"script": script}, **fields}
        response = await self.http.post("/v1/sessions/token", json=body, headers=KEY)
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        return data["session_id"], {"Authorization": f"Bearer {data['session_token']}"}

    async def running(self, script: str = "normal", **fields: Any) -> tuple[str, dict[str, str]]:
        """Create and start a FULL session. Return its id and the Authorization header with its token."""
        session_id, bearer = await self.mint(script, **fields)
        response = await self.http.post("/v1/sessions/start", headers=bearer)
        assert response.status_code == 201, response.text
        return session_id, bearer

    async def get(self, path: str, **query: Any) -> Any:
        """Send a request with the API key. Return the `data` of its successful answer."""
        response = await self.http.get(path, params=query or None, headers=KEY)
        assert response.status_code == 200, response.text
        assert response.json()["code"] == 1000
        return response.json()["data"]

    async def ended(self, session_id: str) -> dict[str, Any]:
        """Wait for the end of the session. Return it as the API shows it."""
        while True:
            shown = await self.get(f"/v1/sessions/{session_id}")
            if "end_reason" in shown:
                return shown
            await asyncio.sleep(0.02)

    async def lines(self, session_id: str, count: int) -> list[dict[str, Any]]:
        """Wait for `count` lines of the transcript. Return them."""
        while True:
            found = (await self.get(f"/v1/sessions/{session_id}/transcript"))["transcript_data"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def simulated_service(
    *, world: World | None = None, command: tuple[str, ...] = SCRIPTED_WORKER, **settings: Any
) -> AsyncIterator[SimulatedService]:
    """Serve a simulator while the context is open. By default its workers are scripted ones."""
    chosen = Settings(**{"stop_grace": 1.0, **settings})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with (
            asyncio.timeout(50),
            serving(chosen, listener, world=world, worker_command=command) as addresses,
            httpx.AsyncClient(
                base_url=addresses.api_url, timeout=40, event_hooks={"response": [check_answer]}
            ) as http,
        ):
            yield SimulatedService(addresses, http)
