"""The account's sessions: created, running, and the most recent ended ones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from simulator import refusals
from simulator.callers_room import refuse_unusable
from simulator.casting import Cast, cast_for
from simulator.credits import PER_MINUTE, Credits
from simulator.event_log import EventLog
from simulator.history import History
from simulator.job import lite_start_command, start_command
from simulator.media_socket import MediaSockets
from simulator.rooms import Rooms
from simulator.running import Limits, RunningSession
from simulator.session import EndReason, Line, Session, SessionConfig, State
from simulator.session_faults import SessionFaults
from simulator.settings import Settings
from simulator.vault import Vault
from simulator.workers import Workers
from simulator.world import World

REMEMBERED = 1000  # sessions in memory; `History` has all of them


@dataclass(frozen=True, slots=True)
class Admission:
    """The values of a start response. `max_duration` is in seconds.

    `livekit_url` and the tokens are None when the room is the customer's own. `agent_token` and `ws_url` are set in
    LITE only.
    """

    max_duration: int
    livekit_url: str | None = None
    visitor_token: str | None = field(default=None, repr=False)
    agent_token: str | None = field(default=None, repr=False)
    ws_url: str | None = field(default=None, repr=False)


class Sessions:
    """Creates, starts, finds and stops the account's sessions."""

    def __init__(
        self,
        settings: Settings,
        world: World,
        rooms: Rooms,
        sockets: MediaSockets,
        workers: Workers,
        credits: Credits,
        log: EventLog,
        history: History,
        vault: Vault,
        faults: SessionFaults,
    ) -> None:
        self._settings = settings
        self._world = world
        self._rooms = rooms
        self._sockets = sockets
        self._workers = workers
        self._credits = credits
        self._log = log
        self._history = history
        self._vault = vault
        self._faults = faults
        self._sessions = {session.id: session for session in history.latest(REMEMBERED)}
        self._when_over: list[Callable[[Session], None]] = []
        self._running: dict[str, RunningSession] = {}
        self._closing = False

    def mint(self, config: SessionConfig) -> Session:
        """Create a session. Like the real service, check only at its start that avatar, voice and context exist."""
        session = Session(config)
        self._sessions[session.id] = session
        self._history.record(session)
        if len(self._sessions) > REMEMBERED:
            self._forget_oldest()
        return session

    def find(self, session_id: str) -> Session:
        """Return a session that is in memory. Raises Refusal (404)."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise refusals.not_found("Session") from None

    async def recall(self, session_id: str) -> Session:
        """Return a session from memory or from the history. Raises Refusal (404)."""
        session = self._sessions.get(session_id) or await self._history.find(session_id)
        if session is None:
            raise refusals.not_found("Session")
        return session

    def running(self, session_id: str) -> RunningSession | None:
        """Return the running part of a session; None when it is not starting or active."""
        return self._running.get(session_id)

    def listed(self, kind: Literal["active", "historic"]) -> list[Session]:
        """Return the active sessions, or the ended ones that are in memory; newest first.

        A session that has not been started is in neither list.
        """
        states = (State.STARTING, State.ACTIVE) if kind == "active" else (State.ENDED,)
        return [session for session in reversed(self._sessions.values()) if session.state in states]

    async def start(self, session: Session) -> Admission:
        """Open the room and wait for the avatar to join. Raises Refusal, and then has released all resources."""
        running = self._begin(session)
        await running.started()
        return self._admission(running)

    async def stop(self, session: Session, reason: EndReason) -> None:
        """End a session in any state and wait until its room is deleted. Raises Refusal (404) if it has ended."""
        if session.id in self._running:
            running = self._running[session.id]
            running.end(reason)
            await running.ended()
        elif session.state is State.CREATED:
            session.end(reason)
            self._history.record(session)
        else:
            raise refusals.not_found("Session")

    def keep_alive(self, session: Session) -> None:
        """Reset the session's idle timer. Raises Refusal (404) if it has ended."""
        if session.state is State.ENDED:
            raise refusals.not_found("Session")
        if session.id in self._running:
            self._running[session.id].stir()

    def transcript(self, session: Session, start: int | None, end: int | None) -> list[Line]:
        """Return the lines from `start` to `end`, both inclusive, in milliseconds since 1970. None: no bound."""
        return [
            line
            for line in session.transcript
            if (start is None or line.at >= start) and (end is None or line.at <= end)
        ]

    def forget_lines(self, session: Session) -> None:
        """Delete the session's transcript, also from the store."""
        session.transcript.clear()
        self._history.forget_lines(session)

    def end_those_of(self, avatar_id: str) -> None:
        """End the running sessions of a deleted avatar."""
        for running in self._running.values():
            if running.session.config.avatar_id == avatar_id:
                running.end(EndReason.AVATAR_DELETED)

    def when_over(self, tell: Callable[[Session], None]) -> None:
        """Call `tell` with every started session after it has ended and released its resources."""
        self._when_over.append(tell)

    async def close(self) -> None:
        """Refuse new starts and end all running sessions."""
        self._closing = True
        running = list(self._running.values())
        for session in running:
            session.end(EndReason.SERVER_ERROR)
        await asyncio.gather(*(session.ended() for session in running))

    def _begin(self, session: Session) -> RunningSession:
        # No await in this function: otherwise two simultaneous starts could both pass the checks.
        if self._closing:
            raise refusals.closing()
        if session.state is not State.CREATED:
            raise refusals.bad_state(
                "The session has ended" if session.state is State.ENDED else "The session was started already"
            )
        if session.config.unsupported is not None:
            raise refusals.not_simulated(session.config.unsupported)
        if session.config.room is not None:
            refuse_unusable(session.config.room)
        cast = cast_for(session.config, self._world, self._vault)
        if 0 < self._settings.concurrency <= len(self._running):
            raise refusals.too_many_sessions(self._settings.concurrency)
        price = Decimal(0) if session.config.is_sandbox else PER_MINUTE[session.config.mode]
        if not self._credits.charge(price):
            raise refusals.no_credits()
        limits = self._limits(session.config)
        running = RunningSession(
            session,
            self._command(session, cast, limits.duration),
            rooms=self._rooms,
            sockets=self._sockets,
            workers=self._workers,
            credits=self._credits,
            log=self._log,
            history=self._history,
            faults=self._faults,
            price=price,
            limits=limits,
        )
        self._running[session.id] = running
        running.task.add_done_callback(lambda _: self._let_go(session))
        return running

    def _command(self, session: Session, cast: Cast, lifetime: float) -> dict[str, Any]:
        if session.config.mode == "LITE":
            return lite_start_command(session, cast, self._rooms, lifetime, self._settings.media_buffer)
        return start_command(session, cast, self._rooms, lifetime)

    def _admission(self, running: RunningSession) -> Admission:
        session, lifetime = running.session, self._duration(running.session.config)
        whole = max(1, round(lifetime))
        ws_url = running.media.url if running.media else None
        if session.config.room is not None:
            return Admission(whole, ws_url=ws_url)
        is_lite = session.config.mode == "LITE"
        return Admission(
            whole,
            self._rooms.url,
            self._rooms.visitor_token(session.id, lifetime),
            self._rooms.agent_token(session.id, lifetime) if is_lite else None,
            ws_url,
        )

    def _let_go(self, session: Session) -> None:
        del self._running[session.id]
        if session.state is State.ENDED:
            for tell in self._when_over:
                tell(session)

    def _limits(self, config: SessionConfig) -> Limits:
        settings = self._settings
        return Limits(
            duration=self._duration(config),
            idle=settings.idle_timeout,
            start=settings.start_timeout,
            grace=settings.stop_grace,
            billing_minute=settings.billing_minute,
        )

    def _duration(self, config: SessionConfig) -> float:
        allowed = self._settings.sandbox_duration if config.is_sandbox else self._settings.max_duration
        return min(allowed, config.max_session_duration or allowed)

    def _forget_oldest(self) -> None:
        """Drop one session from memory; the history keeps it.

        Prefer the oldest ended one, else the oldest that was never started.
        """
        idle = [session for session in self._sessions.values() if session.id not in self._running]
        oldest = min(idle, key=lambda session: session.state is not State.ENDED, default=None)
        if oldest is not None:
            del self._sessions[oldest.id]
