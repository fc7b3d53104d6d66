"""All sessions of the account: minted, running, and past ones as far as memory goes."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeVar

from simulator import refusals
from simulator.credits import PER_MINUTE, Credits
from simulator.event_log import EventLog
from simulator.job import start_command
from simulator.rooms import Rooms
from simulator.running import Limits, RunningSession
from simulator.session import EndReason, Line, Session, SessionConfig, State
from simulator.settings import Settings
from simulator.workers import Workers
from simulator.world import Avatar, Context, Voice, World

REMEMBERED = 1000

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Admission:
    """What the client needs to join: the start response. `max_duration` in seconds."""

    livekit_url: str
    visitor_token: str
    max_duration: int


class Sessions:
    def __init__(
        self,
        settings: Settings,
        world: World,
        rooms: Rooms,
        workers: Workers,
        credits: Credits,
        log: EventLog,
    ) -> None:
        self._settings = settings
        self._world = world
        self._rooms = rooms
        self._workers = workers
        self._credits = credits
        self._log = log
        self._sessions: dict[str, Session] = {}
        self._running: dict[str, RunningSession] = {}
        self._closing = False

    def mint(self, config: SessionConfig) -> Session:
        """A new session. Whether its avatar, voice and context exist is only looked at when it starts, as the
        real service does."""
        session = Session(config)
        self._sessions[session.id] = session
        if len(self._sessions) > REMEMBERED:
            self._forget_oldest()
        return session

    def find(self, session_id: str) -> Session:
        """Raises Refusal (404)."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise refusals.not_found("Session") from None

    def running(self, session_id: str) -> RunningSession | None:
        """The live part of a session, while it has one."""
        return self._running.get(session_id)

    def listed(self, kind: Literal["active", "historic"]) -> list[Session]:
        """Newest first. A session that was minted but not started yet is in neither list."""
        states = (State.STARTING, State.ACTIVE) if kind == "active" else (State.ENDED,)
        return [session for session in reversed(self._sessions.values()) if session.state in states]

    async def start(self, session: Session) -> Admission:
        """Open the room and bring the avatar in. Raises Refusal; then nothing is left of the attempt."""
        running = self._begin(session)
        await running.started()
        duration = self._duration(session.config)
        return Admission(
            self._rooms.url, self._rooms.visitor_token(session.id, duration), max(1, round(duration))
        )

    async def stop(self, session: Session, reason: EndReason) -> None:
        """End it, in whatever state, and wait until its room is gone. Raises Refusal (404) when it is over."""
        if session.id in self._running:
            running = self._running[session.id]
            running.end(reason)
            await running.ended()
        elif session.state is State.CREATED:
            session.end(reason)
        else:
            raise refusals.not_found("Session")

    def keep_alive(self, session: Session) -> None:
        """Start its idle time anew. Raises Refusal (404) when it is over."""
        if session.state is State.ENDED:
            raise refusals.not_found("Session")
        if session.id in self._running:
            self._running[session.id].stir()

    def transcript(self, session: Session, start: int | None, end: int | None) -> list[Line]:
        """Its lines from `start` to `end`, both included, in milliseconds since 1970."""
        return [
            line
            for line in session.transcript
            if (start is None or line.at >= start) and (end is None or line.at <= end)
        ]

    async def close(self) -> None:
        """End every session and take no new ones."""
        self._closing = True
        running = list(self._running.values())
        for session in running:
            session.end(EndReason.SERVER_ERROR)
        await asyncio.gather(*(session.ended() for session in running))

    def _begin(self, session: Session) -> RunningSession:
        # No await from the first check to the last line: two starts at the same time cannot both pass.
        if self._closing:
            raise refusals.closing()
        if session.state is not State.CREATED:
            raise refusals.bad_state(
                "The session is over" if session.state is State.ENDED else "The session was started already"
            )
        if session.config.mode == "LITE":
            raise refusals.not_simulated("LITE sessions")
        avatar, voice, context = self._cast(session.config)
        if 0 < self._settings.concurrency <= len(self._running):
            raise refusals.too_many_sessions(self._settings.concurrency)
        price = Decimal(0) if session.config.is_sandbox else PER_MINUTE[session.config.mode]
        if not self._credits.charge(price):
            raise refusals.no_credits()
        limits = self._limits(session.config)
        running = RunningSession(
            session,
            start_command(session, avatar, voice, context, self._rooms, limits.duration),
            rooms=self._rooms,
            workers=self._workers,
            credits=self._credits,
            log=self._log,
            price=price,
            limits=limits,
        )
        self._running[session.id] = running
        running.task.add_done_callback(lambda _: self._running.pop(session.id))
        return running

    def _cast(self, config: SessionConfig) -> tuple[Avatar, Voice, Context | None]:
        if config.voice_agent_id is not None:
            raise refusals.not_found(f"Voice agent with id '{config.voice_agent_id}'")
        avatar = _known(self._world.avatars, config.avatar_id, "Avatar")
        voice_id = config.voice_id or avatar.default_voice_id
        if voice_id is None:
            raise refusals.bad_state(
                f"The image avatar '{avatar.name}' has no voice of its own: send a voice_id"
            )
        voice = _known(self._world.voices, voice_id, "Voice")
        context = _known(self._world.contexts, config.context_id, "Context") if config.context_id else None
        if config.llm_configuration_id is not None:
            # The wording is the real service's.
            raise refusals.bad_state(
                f"LLM configuration with id '{config.llm_configuration_id}' not found in your space"
            )
        if missing := _missing_variables(context, config.dynamic_variables):
            raise refusals.bad_state(f"The context needs dynamic_variables: {', '.join(missing)}")
        return avatar, voice, context

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
        oldest = next((key for key in self._sessions if key not in self._running), None)
        if oldest is not None:
            del self._sessions[oldest]


def _known(things: dict[str, Thing], key: str, kind: str) -> Thing:
    try:
        return things[key]
    except KeyError:
        raise refusals.not_found(f"{kind} with id '{key}'") from None


def _missing_variables(context: Context | None, given: Iterable[str]) -> list[str]:
    if context is None:
        return []
    return [name for name in context.required_dynamic_variables if name not in set(given)]
