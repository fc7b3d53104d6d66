"""The simulator's SQLite database: a file that outlives the process, or memory.

One thread owns the connection and executes all statements in order. The event loop therefore never waits for a disk,
and a read sees all earlier writes. Executed writes survive a crash of the process; a power failure may lose the last
of them.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from simulator.settings import InvalidSetting

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0  # wait for the file lock of a simulator that is just ending
APPLICATION_ID = 0x4C41_5349  # "LASI", in the file's header
# Entry n migrates a file from version n to n + 1. `PRAGMA user_version` holds a file's version.
MIGRATIONS = (
    """
    CREATE TABLE account (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE things (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT,
        UNIQUE (kind, id)
    );
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        avatar_id TEXT NOT NULL,
        context_id TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        started_at TEXT,
        end_at TEXT,
        end_reason TEXT,
        credits_consumed TEXT NOT NULL,
        config TEXT NOT NULL
    );
    CREATE INDEX sessions_of_state ON sessions (state, number);
    CREATE TABLE lines (
        number INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL,
        role TEXT NOT NULL,
        text TEXT NOT NULL,
        at INTEGER NOT NULL
    );
    CREATE INDEX lines_of_session ON lines (session_id, number);
    """,
)

Row = tuple[Any, ...]


class StoreUnusable(InvalidSetting):
    """The data file cannot be used. The text says why and what to do."""


class Store:
    """The constructor opens the database.

    Raises StoreUnusable for a file that is in use, damaged, of another program or of a newer version.
    """

    def __init__(self, path: str = "") -> None:
        """Open the file at `path`, creating it if needed. An empty `path` means memory only."""
        self._connection = _opened(path)
        self._thread = ThreadPoolExecutor(1, "store")

    def write(self, sql: str, *values: object) -> None:
        """Queue one statement and return at once. A failure is logged."""
        self._thread.submit(self._execute, sql, values).add_done_callback(_report)

    async def read(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of a query. It runs after all statements queued before it."""
        return await asyncio.wrap_future(self._thread.submit(self._execute, sql, values))

    def load(self, sql: str, *values: object) -> list[Row]:
        """Like `read`, but blocking. Use it only while the simulator starts."""
        return self._thread.submit(self._execute, sql, values).result()

    def value(self, name: str) -> str | None:
        """Return one named value of the account, None if it was never set. Blocking, like `load`."""
        rows = self.load("SELECT value FROM account WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def keep_value(self, name: str, value: str) -> None:
        """Store one named value of the account. Returns at once, like `write`."""
        self.write("INSERT OR REPLACE INTO account VALUES (?, ?)", name, value)

    def close(self) -> None:
        """Wait for all queued writes and close the file."""
        self._thread.shutdown()
        self._connection.close()

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        with self._connection:
            return self._connection.execute(sql, values).fetchall()


def _report(done: "Future[list[Row]]") -> None:
    if error := done.exception():
        logger.error("a change could not be stored and will be lost when the simulator ends: %s", error)


def _opened(path: str) -> sqlite3.Connection:
    try:
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch(mode=0o600)
        connection = sqlite3.connect(path or ":memory:", timeout=PATIENCE_S, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(f"SIMULATOR_DATA: cannot open {path}: {error}") from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnusable(_explained(path, error)) from error
    except StoreUnusable:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    # Exclusive: two simulators on one file would overwrite each other's credits.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # Overwrite deleted transcripts and secrets in the file.
    connection.execute("PRAGMA secure_delete = ON")
    is_new = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if is_new:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    elif connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreUnusable(f"SIMULATOR_DATA: {path} belongs to another program; name another file")
    elif (problem := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise StoreUnusable(f"SIMULATOR_DATA: {path} is damaged ({problem}); move it away or restore it")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            f"SIMULATOR_DATA: {path} was written by a newer simulator (version {version}, this one knows "
            f"{len(MIGRATIONS)}); update the simulator, or name another file"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")


def _explained(path: str, error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return f"SIMULATOR_DATA: another simulator is using {path}; stop it, or name another file"
    return f"SIMULATOR_DATA: {path} cannot be read ({error}); move it away or restore it"
