"""The keeper: a process that runs the two servers for as long as the other end of its stdin is open.

It prints the addresses as one line of JSON once both servers accept connections.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from rigs.databases.servers import PostgreSQL, Redis, give_away

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Databases:
    """Addresses as the settings DATABASE_URL and REDIS_URL take them."""

    database_url: str
    redis_url: str

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


def keep_databases(*, durable: bool = False) -> tuple[Databases, IO[bytes], subprocess.Popen[bytes]]:
    """Start a keeper. The servers live until the pipe that is returned is closed in every process that has it.

    `durable` keeps PostgreSQL's fsync on. Raises RuntimeError; the keeper's own words are on stderr.
    """
    command = [sys.executable, "-m", "rigs.databases.keeping", *(["--durable"] if durable else [])]
    keeper = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches the tests; the servers must outlive their last query
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with keeper.stdout as output:
        line = output.readline()
    if not line:
        keeper.stdin.close()
        keeper.wait()
        raise RuntimeError("PostgreSQL or Redis did not start")
    return Databases(**json.loads(line)), keeper.stdin, keeper


@contextmanager
def running_databases(*, durable: bool = False) -> Iterator[Databases]:
    """PostgreSQL and Redis until the block ends."""
    databases, pipe, keeper = keep_databases(durable=durable)
    try:
        yield databases
    finally:
        pipe.close()
        keeper.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durable", action="store_true", help="keep PostgreSQL's fsync on")
    durable: bool = parser.parse_args().durable
    for end in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(end, _exit)
    # The folder is removed when the servers have stopped.
    with tempfile.TemporaryDirectory(prefix="liveavatar-databases-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        give_away(folder)
        with PostgreSQL(folder, durable=durable) as postgres, Redis(folder) as redis:
            with suppress(BrokenPipeError):
                sys.stdout.write(json.dumps(asdict(Databases(postgres.url, redis.url))) + "\n")
                sys.stdout.flush()
            sys.stdin.buffer.read()


def _exit(_signal: int, _frame: object) -> None:
    for end in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(end, signal.SIG_IGN)  # a second one must not stop the cleaning up
    raise SystemExit(1)


if __name__ == "__main__":
    main()
