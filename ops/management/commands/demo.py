"""Runs everything on one machine: database, staff user, simulator, site and an agent."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from sessions_app.events.frames import MAX_FRAME

READY_WITHIN = 30  # seconds
STOP_WITHIN = 12  # seconds; the site has to stop its sessions at the service
STAFF = "staff"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    help = (
        "Migrate the database, create a staff user, and run the site and an agent. "
        "Without LIVEAVATAR_API_KEY, also run a simulator of the avatar service."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the site (default 8000)")
        parser.add_argument(
            "--simulator-port", type=int, default=settings.SIMULATOR_PORT, help="port of the simulator"
        )
        parser.add_argument("--new-password", action="store_true", help="give the staff user a new password")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        port, simulator_port = options["port"], options["simulator_port"]
        self._check_free(port, "--port")
        if settings.SIMULATED:
            self._check_free(simulator_port, "--simulator-port")
        call_command("migrate", interactive=False, verbosity=0)
        password = _staff_password(new=options["new_password"])

        # Also on SIGHUP, so that a closed terminal leaves no process behind.
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            environment = {**os.environ, "DEBUG": "1" if settings.DEBUG else "0"}
            environment.setdefault("SITE_URL", f"http://127.0.0.1:{port}")
            if settings.SIMULATED:
                environment["SIMULATOR_PORT"] = str(simulator_port)
                environment.setdefault("SIMULATOR_ROOM_KEY", f"sim{secrets.token_hex(6)}")
                environment.setdefault("SIMULATOR_ROOM_SECRET", secrets.token_urlsafe(32))
                environment.setdefault("SIMULATOR_LOG_LEVEL", "WARNING")
                environment.setdefault("SIMULATOR_DATA", str(settings.VAR_DIR / "simulator.sqlite3"))
                # Its addresses are printed below; errors go to stderr.
                children["simulator"] = _spawn(
                    ["-m", "simulator", "--port", str(simulator_port)], environment, stdout=subprocess.DEVNULL
                )
                self._wait_for(f"http://127.0.0.1:{simulator_port}/v1/languages", children)
            children["site"] = _spawn(
                [
                    *("-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0"),
                    *("--websocket-max-message-size", str(MAX_FRAME)),
                    *("--websocket-max-frame-size", str(MAX_FRAME)),
                    "liveavatar_site.asgi:application",
                ],
                environment,
            )
            self._wait_for(f"http://127.0.0.1:{port}/", children)
            if settings.CUSTOM_AVAILABLE or settings.SIMULATED:
                children["agent"] = _spawn(
                    ["-m", "agent"], self._agent_environment(environment, simulator_port)
                )
            self._print_addresses(port, simulator_port, password, time.monotonic() - started)
            self._watch(children)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping ...")
        finally:
            _stop(children)
        self.stdout.write("Stopped.")

    def _agent_environment(self, environment: dict[str, str], simulator_port: int) -> dict[str, str]:
        """Return the environment of an agent: the LiveKit server at which the site dispatches."""
        return {
            **environment,
            "LIVEKIT_URL": f"ws://127.0.0.1:{simulator_port}"
            if settings.LIVEKIT_URL == settings.EMBEDDED_ROOMS
            else settings.LIVEKIT_URL,
            "LIVEKIT_API_KEY": settings.LIVEKIT_API_KEY or environment["SIMULATOR_ROOM_KEY"],
            "LIVEKIT_API_SECRET": settings.LIVEKIT_API_SECRET or environment["SIMULATOR_ROOM_SECRET"],
            "LOG_LEVEL": environment.get("LOG_LEVEL", "WARNING"),
        }

    def _check_free(self, port: int, option: str) -> None:
        with socket.socket() as probe:
            # As the servers do: connections that are still closing do not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                raise CommandError(
                    f"Port {port} is taken by another program. Stop it, or choose another port:\n"
                    f"  {Path(sys.executable)} manage.py demo {option} {port + 1 if port < 65535 else 8001}"
                ) from None

    def _wait_for(self, url: str, children: dict[str, subprocess.Popen[bytes]]) -> None:
        """Wait until `url` answers. Raises CommandError if a child ends or `url` does not answer in time."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            self._report_dead(children)
            try:
                with urlopen(url, timeout=5):
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise CommandError(f"{url} did not answer within {READY_WITHIN} s. Its output is above.")

    def _watch(self, children: dict[str, subprocess.Popen[bytes]]) -> None:
        while True:
            self._report_dead(children)
            time.sleep(0.5)

    def _report_dead(self, children: dict[str, subprocess.Popen[bytes]]) -> None:
        for name, child in children.items():
            if child.poll() is not None:
                raise CommandError(
                    f"The {name} stopped unexpectedly (exit code {child.returncode}). Its output is above. "
                    "Everything is stopped."
                )

    def _print_addresses(self, port: int, simulator_port: int, password: str, seconds: float) -> None:
        lines = ["", f"Ready after {seconds:.1f} s.", "", f"  Talk to an avatar   http://127.0.0.1:{port}/"]
        lines.append(f"  Staff pages         http://127.0.0.1:{port}/admin/")
        if password:
            lines.append(f"                      user {STAFF}, password {password}   (shown only now)")
        else:
            lines.append(
                f"                      user {STAFF}; for a new password run again with --new-password"
            )
        if settings.SIMULATED:
            lines.append(f"  Simulated service   http://127.0.0.1:{simulator_port}")
            if settings.LIVEKIT_URL != settings.EMBEDDED_ROOMS:
                lines.append(f"  Room server         {settings.LIVEKIT_URL}")
            lines += ["", "  No account is needed: the avatar service is simulated on this machine."]
        else:
            lines += ["", f"  Sessions run at {settings.LIVEAVATAR_API_URL} and cost credits."]
        self.stdout.write("\n".join([*lines, "", "Press Ctrl-C to stop everything."]))
        self.stdout.flush()


def _staff_password(*, new: bool) -> str:
    """Create the staff user if there is none. Returns the password if it was set now, else an empty string."""
    users = get_user_model().objects
    user = users.filter(username=STAFF).first()
    if user is not None and not new:
        return ""
    password = secrets.token_urlsafe(9)
    if user is None:
        users.create_superuser(STAFF, password=password)
    else:
        user.set_password(password)
        user.save()
    return password


def _spawn(
    arguments: list[str], environment: dict[str, str], stdout: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in its own process group. Ctrl-C does not reach it, so that `_stop` ends the children in order."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=stdout,
        start_new_session=True,
    )


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """End the children, the site first: it dismisses agents and stops sessions at the service."""
    _ignore_signals()
    for name in ("site", "agent", "simulator"):
        child = children.get(name)
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Ignore further signals: a second one must not interrupt the stop of the children."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
