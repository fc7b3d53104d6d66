"""Memories: summaries of earlier sessions for later ones (LiveAvatar OpenAPI, memory)."""

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
    """Creates memories from sessions and attaches them to later sessions."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._memories = world.memories
        self._sessions = sessions

    async def of_session(self, session_id: str) -> Memory:
        """Return the memory that contains a FULL session; create it from the transcript if there is none.

        Raises Refusal: 404 for an unknown session, 400 for a LITE session.
        """
        for memory in self._memories.values():
            if memory.of(session_id):
                return memory
        session = await self._sessions.recall(session_id)
        if session.config.mode != "FULL":
            raise refusals.bad_state(
                "Only FULL sessions have a memory: in LITE the service has no transcript"
            )
        memory = Memory((Episode(session_id, summary(session)),))
        self._memories.put(memory)
        return memory

    async def attached(self, config: SessionConfig) -> SessionConfig:
        """Return `config` with the id of the memory that it names, by memory id, by an earlier session's id or by both.

        Raises Refusal: 404 for an unknown memory or session, 400 when the two ids mean different memories.
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
        """Add the summary of an ended session to its memory, unless the memory has been deleted."""
        memory = self._memories.get(session.config.session_memory_id or "")
        if memory is not None and session.transcript and not memory.of(session.id):
            episodes = (*memory.episodes, Episode(session.id, summary(session)))
            self._memories.put(replace(memory, episodes=episodes, updated_at=now()))


def summary(session: Session) -> str:
    """Quote the user's most informative lines. The simulator has no language model that could paraphrase them."""
    said = [line for line in session.transcript if line.role == "user"]
    if not said:
        return f"On {session.created_at:%d %B %Y} the user said nothing."
    quotes = "\n".join(f"- {line.text[:LONGEST_QUOTE]}" for line in _telling(said))
    return f"On {session.created_at:%d %B %Y} the user said, among {len(said)} things:\n{quotes}"


def _telling(lines: Sequence[Line]) -> list[Line]:
    """Return the most informative lines in their order. Long lines and lines in the first person rank first."""

    def weight(line: Line) -> float:
        return 20 * len(OF_ONESELF.findall(line.text)) + min(len(line.text), LONGEST_QUOTE) / 10

    chosen = sorted(lines, key=weight, reverse=True)[:QUOTES]
    return sorted(chosen, key=lines.index)
