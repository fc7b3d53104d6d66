"""The example of a pipeline without livekit-agents, run as its docstring says."""

import asyncio
import os
import sys

import httpx
import pytest

from rigs.processes import ROOT, running_simulator
from rigs.services.simulated_service import KEY

pytestmark = pytest.mark.rooms


async def test_the_example_speaks_can_be_interrupted_and_stops_its_session() -> None:
    with running_simulator() as simulator:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "docs.examples.own_pipeline"),
            cwd=ROOT,
            env={**os.environ, "LIVEAVATAR_API_URL": simulator.api_url, "LIVEAVATAR_API_KEY": ""},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        lines = b"This is a rather long sentence, and its end will not be heard.\n!Stop. I am done.\n"
        async with asyncio.timeout(60):
            said, _ = await process.communicate(lines)
        async with httpx.AsyncClient(base_url=simulator.api_url, headers=KEY) as http:
            active = (await http.get("/v1/sessions", params={"type": "active"})).json()["data"]

    address, *outcomes = said.decode().splitlines()
    assert process.returncode == 0
    assert "liveKitUrl=ws" in address
    assert outcomes == ["cut", "played"]
    assert active["count"] == 0
