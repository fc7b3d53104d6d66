"""Runs the simulator and the site as processes, as `make demo` does."""

import functools
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.settings import LiveKit

ROOT = Path(__file__).parent.parent
STOP_WITHIN = 15  # seconds
SECRET_KEY = "only-for-tests-and-never-used-anywhere-else-0123456789"


@dataclass(frozen=True, slots=True)
class Simulator:
    api_url: str
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str
    pid: int


@dataclass(frozen=True, slots=True)
class Site:
    port: int
    database: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Query the site's database for what it has committed."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute(query, values).fetchall()


@contextmanager
def running_simulator(livekit: LiveKit | None = None, **settings: str) -> Iterator[Simulator]:
    """Run `python -m simulator` on a free port until the block ends, with its rooms on `livekit` if given."""
    if livekit is not None:
        settings |= {
            "SIMULATOR_LIVEKIT_URL": livekit.url,
            "SIMULATOR_LIVEKIT_API_KEY": livekit.key,
            "SIMULATOR_LIVEKIT_API_SECRET": livekit.secret,
        }
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", "--json"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator ended before it was ready"
        yield Simulator(**json.loads(line))
    finally:
        _stop(process)


@contextmanager
def running_site(folder: Path, api_url: str, **settings: str) -> Iterator[Site]:
    """The site on a free port with a database of its own in `folder`, until the block ends."""
    (folder / "db.sqlite3").write_bytes(_new_database())
    with site_process(site_environment(folder, api_url, **settings)) as site:
        yield site


def site_environment(folder: Path, api_url: str, **settings: str) -> dict[str, str]:
    """The environment of a site's processes, with files and, unless `settings` say otherwise, rows in `folder`."""
    return {
        **_outside_environment(),
        "DEBUG": "1",
        "VAR_DIR": str(folder),
        "SECRET_KEY": SECRET_KEY,
        "LIVEAVATAR_API_URL": api_url,
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "REDIS_URL": "",
        "STARTS_PER_MINUTE": "1000",
        "PAGE_GRACE": "5",
        "HTTPS": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        **settings,
    }


def prepare_database(environment: dict[str, str]) -> None:
    """Migrate the database and add a superuser."""
    environment = {**environment, "DJANGO_SUPERUSER_PASSWORD": "a long password"}
    staff = ["--noinput", "--username", "staff", "--email", "staff@example.org"]
    for command in (["migrate", "-v", "0"], ["createsuperuser", "-v", "0", *staff]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)


@contextmanager
def site_process(environment: dict[str, str]) -> Iterator[Site]:
    """One process of the site on a free port. Its port accepts connections at once, and is served soon."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        port = listener.getsockname()[1]
        # No host and port: Daphne would listen there as well.
        arguments = ["-m", "daphne", "--fd", str(listener.fileno()), "-v", "0"]
        limits = ["--websocket-max-message-size", "65536", "--websocket-max-frame-size", "65536"]
        process = subprocess.Popen(
            [sys.executable, *arguments, *limits, "liveavatar_site.asgi:application"],
            cwd=ROOT,
            env={"SITE_URL": f"http://127.0.0.1:{port}", **environment},
            pass_fds=[listener.fileno()],
        )
    try:
        yield Site(port, Path(environment["VAR_DIR"]) / "db.sqlite3", process)
    finally:
        _stop(process)


@functools.cache
def _new_database() -> bytes:
    """A migrated SQLite database with a superuser. Each site starts with a copy, because migrations take seconds."""
    with tempfile.TemporaryDirectory(prefix="new-database-") as folder:
        prepare_database(site_environment(Path(folder), ""))
        file = Path(folder) / "db.sqlite3"
        with closing(
            sqlite3.connect(file)
        ) as connection:  # the file must hold what is in its write-ahead log
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes()


def _outside_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
