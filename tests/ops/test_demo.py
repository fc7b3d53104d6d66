"""`manage.py demo`, as an operator runs it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from rigs.processes import ROOT
from rigs.rooms.room_rig import REAL, needs_livekit_server, rooms_on


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(folder: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        # Only the variables of a fresh shell.
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(folder), "ENV_FILE": os.devnull, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read its output up to the line with `text`."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    pytest.fail(f"it ended without {text!r}:\n{printed}")


# Three runs are enough: what ends a run has nothing to do with what it was started with.
RUNS = [
    ("first", signal.SIGINT, [], True),
    ("second", signal.SIGTERM, [], False),
    ("third", signal.SIGHUP, ["--new-password"], True),
]


def test_the_demo_serves_says_where_shows_the_password_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for run, how, arguments, shows_password in RUNS:
        port, simulator_port = free_port(), free_port()

        with demo(tmp_path, f"--port={port}", f"--simulator-port={simulator_port}", *arguments) as process:
            printed = read_until(process, "Press Ctrl-C")
            page = httpx.get(f"http://127.0.0.1:{port}/")
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(how)
            read_until(process, "Stopped.")
            process.wait()

        assert f"http://127.0.0.1:{port}/" in printed, run
        assert ("user staff, password " in printed) == shows_password, run
        assert (page.status_code, "Start" in page.text) == (200, True), run
        assert len(children) >= 2, run
        assert not [child for child in children if child.is_running()], run


@pytest.mark.rooms
@needs_livekit_server
def test_the_rooms_of_the_demo_are_on_the_livekit_server_that_the_settings_name(tmp_path: Path) -> None:
    livekit = rooms_on(REAL)
    assert livekit is not None
    settings = {"URL": livekit.url, "API_KEY": livekit.key, "API_SECRET": livekit.secret}
    ports = f"--port={free_port()}", f"--simulator-port={free_port()}"

    with demo(
        tmp_path, *ports, **{f"SIMULATOR_LIVEKIT_{name}": value for name, value in settings.items()}
    ) as process:
        printed = read_until(process, "Press Ctrl-C")
        ready = read_until(process, "agent: ready")
        lobby = httpx.get(re.findall(r"http://\S+/", printed)[0])
        process.send_signal(signal.SIGINT)
        stopped = read_until(process, "Stopped.")

    assert f"Room server         {livekit.url}" in printed
    assert f"ready for conversations at {livekit.url}" in ready
    assert "Our own agent, in our own room" in lobby.text
    assert livekit.url in lobby.headers["Content-Security-Policy"]
    assert livekit.secret not in printed + ready + stopped


def test_a_second_ctrl_c_does_not_interrupt_the_stop(tmp_path: Path) -> None:
    ports = f"--port={free_port()}", f"--simulator-port={free_port()}"
    with demo(tmp_path, *ports) as process:
        read_until(process, "Press Ctrl-C")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        read_until(process, "Stopping ...")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        read_until(process, "Stopped.")
        process.wait()

    assert not [child for child in children if child.is_running()]


@pytest.mark.parametrize("option", ["--port", "--simulator-port"])
def test_a_taken_port_is_named_together_with_a_free_choice(tmp_path: Path, option: str) -> None:
    ports = {"--port": free_port(), "--simulator-port": free_port()}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[option]))
        taken.listen()
        with demo(tmp_path, *(f"{name}={port}" for name, port in ports.items())) as process:
            printed, _ = process.communicate(timeout=30)

    assert process.returncode != 0
    assert f"Port {ports[option]} is taken" in printed
    assert f"demo {option} {ports[option] + 1}" in printed


def test_a_process_that_dies_is_reported_and_the_others_are_stopped(tmp_path: Path) -> None:
    ports = f"--port={free_port()}", f"--simulator-port={free_port()}"
    with demo(tmp_path, *ports) as process:
        read_until(process, "Press Ctrl-C")
        children = psutil.Process(process.pid).children(recursive=True)
        site = next(child for child in children if "daphne" in " ".join(child.cmdline()))
        site.kill()
        printed = read_until(process, "Everything is stopped.")
        process.wait()

    assert "The site stopped unexpectedly (exit code -9)" in printed
    assert process.returncode != 0
    assert not [child for child in children if child.is_running()]
