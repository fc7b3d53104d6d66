"""What sessions leave behind for later ones (LiveAvatar OpenAPI, memory)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from simulator import refusals
from simulator.session import Line, Session, SessionConfig
from simulator.sessions import Sessions
from simulator.world import Episode, Memory, World, now

QUOTES = 8
LONGEST_QUOTE = 200  # characters
OF_ONESELF = re.compile(r"\b(i|i'm|i've|my|mine|me|we|our|us)\b", re.IGNORECASE)


class Memories:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._memories = world.memories
        self._sessions = sessions

    async def of_session(self, session_id: str) -> Memory:
        """The memory that holds a FULL session, made from what was said if there is none.

        Raises Refusal (404 for an unknown session, 400 for one without a conversation of its own).
        """
        for memory in self._memories.values():
            if memory.of(session_id):
                return memory
        session = await self._sessions.recall(session_id)
        if session.config.mode != "FULL":
            raise refusals.bad_state(
                "Only FULL sessions can be remembered: in LITE the service hears no words"
            )
        memory = Memory((Episode(session_id, summary(session)),))
        self._memories.put(memory)
        return memory

    async def attached(self, config: SessionConfig) -> SessionConfig:
        """`config` with the memory it asks for, by the memory's id, an earlier session's, or both.

        Raises Refusal: 404 when there is no such thing, 400 when the two mean different memories.
        """
        named = config.session_memory_id
        if named is not None and named not in self._memories:
            raise refusals.not_found("Memory")
        if config.prev_session_id is None:
            return config
        memory = await self.of_session(config.prev_session_id)
        if named not in (None, memory.id):
            raise refusals.bad_state("prev_session_id and session_memory_id belong to different memories")
        return replace(config, session_memory_id=memory.id)

    def add(self, session: Session) -> None:
        """A session is over: what was said joins the memory it was attached to, if that is still there."""
        memory = self._memories.get(session.config.session_memory_id or "")
        if memory is not None and session.transcript and not memory.of(session.id):
            episodes = (*memory.episodes, Episode(session.id, summary(session)))
            self._memories.put(replace(memory, episodes=episodes, updated_at=now()))


def summary(session: Session) -> str:
    """What the user said that tells most, in their own words: nothing here could put it in others."""
    said = [line for line in session.transcript if line.role == "user"]
    if not said:
        return f"On {session.created_at:%d %B %Y} the user said nothing."
    quotes = "\n".join(f"- {line.text[:LONGEST_QUOTE]}" for line in _telling(said))
    return f"On {session.created_at:%d %B %Y} the user said, among {len(said)} things:\n{quotes}"


def _telling(lines: Sequence[Line]) -> list[Line]:
    """The lines that say most, in their order: people speak of themselves, and at some length."""

    def weight(line: Line) -> float:
        return 20 * len(OF_ONESELF.findall(line.text)) + min(len(line.text), LONGEST_QUOTE) / 10

    chosen = sorted(lines, key=weight, reverse=True)[:QUOTES]
    return sorted(chosen, key=lines.index)
