"""The command `python -m simulator` and its settings."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import httpx
import psutil
import pytest

from rigs.services.simulated_service import FULL, KEY
from simulator.settings import InvalidSetting, Settings, from_environment

COMMAND = (sys.executable, "-m", "simulator")
# Limits for waits on a process. A shutdown that waits for a starting session would exceed the first.
EXIT_S = Settings().start_timeout
START_S = 60


@contextmanager
def simulator(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_at_the_printed_address_and_exits_without_leaving_processes(number: signal.Signals) -> None:
    with simulator("--port", "0", "--json") as process:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())

        languages = httpx.get(f"{printed['api_url']}/v1/languages")
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)

        assert printed.keys() == {"api_url", "livekit_url", "livekit_api_key", "livekit_api_secret", "pid"}
        assert printed["pid"] == process.pid
        assert languages.status_code == 200
        assert process.wait(timeout=EXIT_S) == 0
        assert psutil.wait_procs(family, timeout=EXIT_S)[1] == []


def test_it_exits_without_waiting_for_a_starting_session() -> None:
    with simulator("--port", "0", "--json") as process:
        assert process.stdout is not None
        with httpx.Client(base_url=json.loads(process.stdout.readline())["api_url"]) as http:
            minted = http.post("/v1/sessions/token", json=FULL, headers=KEY).json()["data"]
            bearer = {"Authorization": f"Bearer {minted['session_token']}"}
            with contextlib.suppress(httpx.ReadTimeout):
                http.post("/v1/sessions/start", headers=bearer, timeout=0.05)
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGTERM)

            assert process.wait(timeout=EXIT_S) == 0
            assert psutil.wait_procs(family, timeout=EXIT_S)[1] == []


def test_the_banner_says_how_to_connect_a_client() -> None:
    with simulator("--port", "0") as process:
        assert process.stdout is not None
        banner = "".join(process.stdout.readline() for _ in range(11))

    assert "http://127.0.0.1:" in banner
    assert "LIVEAVATAR_API_URL=" in banner
    assert "apiUrl" in banner


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--host", "0.0.0.0"], {"SIMULATOR_API_KEY": "k"}, "give the address that they will use"),
        (["--host", "192.0.2.1"], {}, "set SIMULATOR_API_KEY before listening beyond this machine"),
        (["--host", "192.0.2.1"], {"SIMULATOR_API_KEY": "k"}, "cannot listen on 192.0.2.1 port"),
        (["--host", "example.org"], {}, "must be an IP address or localhost"),
        ([], {"SIMULATOR_PORT": "70000"}, "SIMULATOR_PORT must be a port number"),
        (
            [],
            {"SIMULATOR_IDLE_TIMEOUT": "soon"},
            "SIMULATOR_IDLE_TIMEOUT must be a number of seconds above 0",
        ),
    ],
)
def test_it_says_why_it_cannot_start(arguments: list[str], environment: dict[str, str], message: str) -> None:
    ended = subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=START_S,
    )

    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_data_in_memory_has_the_same_name_as_in_sqlite() -> None:
    assert from_environment({"SIMULATOR_DATA": ":memory:"}).data == ""


def test_it_names_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*COMMAND, "--port", port], check=False, capture_output=True, text=True, timeout=START_S
        )

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in ended.stderr


def test_every_setting_has_a_default() -> None:
    settings = from_environment({})

    assert (settings.host, settings.port, settings.api_key) == ("127.0.0.1", 8700, None)
    assert len(settings.room_secret) >= 32
    assert settings.room_secret != from_environment({}).room_secret


def test_every_setting_is_read_from_the_environment() -> None:
    settings = from_environment(
        {
            "SIMULATOR_PORT": "0",
            "SIMULATOR_ROOM_KEY": "key",
            "SIMULATOR_ROOM_SECRET": "s" * 32,
            "SIMULATOR_API_KEY": "k",
            "SIMULATOR_IDLE_TIMEOUT": "1.5",
            "SIMULATOR_MAX_DURATION": "20",
            "SIMULATOR_SANDBOX_DURATION": "10",
            "SIMULATOR_CONCURRENCY": "2",
            "SIMULATOR_CREDITS": "12.5",
            "SIMULATOR_RATE_LIMIT": "0",
            "SIMULATOR_MEDIA_BUFFER": "30",
            "SIMULATOR_STRICT_MODES": "1",
            "SIMULATOR_DATA": "var/data.sqlite3",
            "SIMULATOR_SECRET_KEY": "k" * 32,
            "SIMULATOR_LOG_LEVEL": "debug",
        }
    )

    assert settings == Settings(
        port=0,
        room_key="key",
        room_secret="s" * 32,
        api_key="k",
        idle_timeout=1.5,
        max_duration=20,
        sandbox_duration=10,
        concurrency=2,
        credits=Decimal("12.5"),
        rate_limit=0,
        media_buffer=30,
        strict_modes=True,
        data="var/data.sqlite3",
        secret_key="k" * 32,
        log_level="DEBUG",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "http"),
        ("ROOM_SECRET", "short"),
        ("IDLE_TIMEOUT", "0"),
        ("MAX_DURATION", "nan"),
        ("MEDIA_BUFFER", "0"),
        ("STRICT_MODES", "yes"),
        ("SANDBOX_DURATION", "inf"),
        ("CONCURRENCY", "-1"),
        ("CREDITS", "-1"),
        ("CREDITS", "NaN"),
        ("RATE_LIMIT", "2.5"),
        ("SECRET_KEY", "short"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_an_invalid_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"SIMULATOR_{name} must be"):
        from_environment({f"SIMULATOR_{name}": value})


def test_the_text_form_of_settings_holds_no_secrets() -> None:
    shown = repr(Settings(api_key="hidden-key", room_secret="hidden-secret", secret_key="hidden-too"))

    assert "hidden" not in shown
