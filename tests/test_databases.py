"""The servers that tests run on: up for one command, gone with it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from rigs.databases.keeping import running_databases
from rigs.databases.marks import needs_databases
from rigs.processes import ROOT

pytestmark = needs_databases

# Prints the addresses, and ends when its stdin does.
COMMAND = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'], flush=True); input()"
GONE_WITHIN = 60  # seconds


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files. Not pytest's, which only its owner may enter: the servers may run as another user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("end", [None, signal.SIGTERM, signal.SIGKILL])
def test_both_servers_live_as_long_as_the_command_however_it_ends(
    folder: Path, end: signal.Signals | None
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rigs.databases", sys.executable, "-c", COMMAND],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        database_url, redis_url = process.stdout.readline().split()
        servers = psutil.Process(process.pid).children(recursive=True)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        with redis.Redis.from_url(redis_url) as client:
            assert client.ping()
        assert list(folder.iterdir())

        if end is None:
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            process.send_signal(end)
        process.wait()

        assert psutil.wait_procs(servers, GONE_WITHIN)[1] == []
    assert list(folder.iterdir()) == []


def test_fsync_can_be_kept_on_and_only_the_password_lets_in() -> None:
    with running_databases(durable=True) as databases:
        with psycopg.connect(databases.database_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)

        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(_with_password(databases.database_url, "wrong"))
        with (
            redis.Redis.from_url(_with_password(databases.redis_url, "wrong")) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}").geturl()
