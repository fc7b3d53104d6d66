"""`python -m simulator.room`: the room server without the simulator."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from livekit import api, rtc

from rigs.processes import ROOT
from rigs.rooms.room_rig import PATIENCE

pytestmark = pytest.mark.rooms

SECRET = "a secret of at least thirty-two characters"


@contextmanager
def room_server(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "simulator.room", "--port", "0", *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT_API")}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_it_serves_rooms_with_the_keys_it_prints_until_it_is_told_to_end() -> None:
    with room_server("--json") as process:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())
        key, secret = printed["livekit_api_key"], printed["livekit_api_secret"]
        token = api.AccessToken(key, secret).with_identity("alice")
        room = rtc.Room()

        await room.connect(
            printed["livekit_url"],
            token.with_grants(api.VideoGrants(room_join=True, room="studio")).to_jwt(),
        )
        await room.disconnect()
        process.send_signal(signal.SIGTERM)

        assert printed["pid"] == process.pid
        assert process.wait(timeout=PATIENCE) == 0


def test_the_banner_says_what_to_set() -> None:
    with room_server(LIVEKIT_API_KEY="mine", LIVEKIT_API_SECRET=SECRET) as process:
        assert process.stdout is not None
        banner = "".join(process.stdout.readline() for _ in range(5))

    assert "LIVEKIT_URL=ws://127.0.0.1:" in banner
    assert "LIVEKIT_API_KEY=mine" in banner
    assert f"LIVEKIT_API_SECRET={SECRET}" in banner


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {"LIVEKIT_API_KEY": "k"}, "set both LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        ([], {"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "short"}, "at least 32 characters"),
        (["--host", "0.0.0.0"], {}, "give the address that they will use"),
        (["--host", "example.org"], {}, "must be an IP address"),
        (["--host", "192.0.2.1"], {}, "cannot listen on 192.0.2.1"),
    ],
)
def test_it_does_not_start_with_unusable_settings(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    with room_server(*arguments, **environment) as process:
        _, error = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert message in error
    assert "short" not in error
