"""The stored history of all sessions and their transcripts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from simulator.records import from_json, to_json
from simulator.session import EndReason, Line, Session, SessionConfig, State
from simulator.store import Row, Store
from simulator.vault import Vault

COLUMNS = (
    "id, state, created_at, updated_at, started_at, end_at, end_reason, credits_consumed, config, "
    "avatar_id, context_id"
)


class History:
    """Reads and writes sessions. Configurations are encrypted: they hold room tokens and data about users."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def record(self, session: Session) -> None:
        """Insert or update a session's row. The transcript is stored by `say`."""
        self._store.write(
            f"INSERT INTO sessions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at, "
            "started_at = excluded.started_at, end_at = excluded.end_at, end_reason = excluded.end_reason, "
            "credits_consumed = excluded.credits_consumed",
            session.id,
            session.state,
            session.created_at.isoformat(),
            session.updated_at.isoformat(),
            session.started_at and session.started_at.isoformat(),
            session.end_at and session.end_at.isoformat(),
            session.end_reason,
            str(session.credits_consumed),
            self._vault.seal(to_json(session.config)),
            session.config.avatar_id,
            session.config.context_id,
        )

    def say(self, session: Session, line: Line) -> None:
        """Append a line to the session's transcript."""
        # A JSON string may hold half a surrogate pair; SQLite cannot store it.
        text = line.text.encode("utf-8", "replace").decode()
        self._store.write(
            "INSERT INTO lines (session_id, role, text, at) VALUES (?, ?, ?, ?)",
            session.id,
            line.role,
            text,
            line.at,
        )

    def forget_lines(self, session: Session) -> None:
        """Delete the session's transcript."""
        self._store.write("DELETE FROM lines WHERE session_id = ?", session.id)

    def reap(self) -> None:
        """End the sessions that a killed simulator left running, with ZOMBIE_SESSION_REAP. Blocking.

        Their end is the time of their last update or line.
        """
        for row in self._store.load(
            f"SELECT {COLUMNS} FROM sessions WHERE state IN (?, ?)", State.STARTING, State.ACTIVE
        ):
            session = self._session(row)
            spoken = self._store.load("SELECT max(at) FROM lines WHERE session_id = ?", session.id)[0][0]
            last_words = datetime.fromtimestamp((spoken or 0) / 1000, UTC)
            session.end(EndReason.ZOMBIE_SESSION_REAP, max(session.updated_at, last_words))
            self.record(session)

    def latest(self, count: int) -> list[Session]:
        """Return the newest `count` sessions with their transcripts, oldest first. Blocking."""
        rows = self._store.load(f"SELECT {COLUMNS} FROM sessions ORDER BY number DESC LIMIT ?", count)
        sessions = [self._session(row) for row in reversed(rows)]
        for session in sessions:
            session.transcript = _lines(self._store.load(_LINES, session.id))
        return sessions

    async def find(self, session_id: str) -> Session | None:
        """Return a session with its transcript; None if there is none with this id."""
        rows = await self._store.read(f"SELECT {COLUMNS} FROM sessions WHERE id = ?", session_id)
        if not rows:
            return None
        session = self._session(rows[0])
        session.transcript = _lines(await self._store.read(_LINES, session_id))
        return session

    async def ended(
        self, avatar_id: str | None, context_id: str | None, offset: int, limit: int
    ) -> tuple[int, list[Session]]:
        """Return the number of ended sessions and one page of them, newest first, without transcripts.

        `avatar_id` and `context_id` filter both, if given.
        """
        wanted = "state = ? AND avatar_id = coalesce(?, avatar_id) AND (? IS NULL OR context_id = ?)"
        values = (State.ENDED, avatar_id, context_id, context_id)
        count = await self._store.read(f"SELECT count(*) FROM sessions WHERE {wanted}", *values)
        rows = await self._store.read(
            f"SELECT {COLUMNS} FROM sessions WHERE {wanted} ORDER BY number DESC LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return count[0][0], [self._session(row) for row in rows]

    def _session(self, row: Row) -> Session:
        session_id, state, created, updated, started, ended, reason, credits, config, *_ = row
        return Session(
            from_json(SessionConfig, self._vault.open(config)),
            session_id,
            State(state),
            datetime.fromisoformat(created),
            datetime.fromisoformat(updated),
            datetime.fromisoformat(started) if started else None,
            datetime.fromisoformat(ended) if ended else None,
            EndReason(reason) if reason else None,
            Decimal(credits),
        )


_LINES = "SELECT role, text, at FROM lines WHERE session_id = ? ORDER BY number"


def _lines(rows: Iterable[Row]) -> list[Line]:
    return [Line(role, text, at) for role, text, at in rows]
