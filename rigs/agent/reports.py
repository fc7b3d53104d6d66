"""Collects the agent's reports, in the place of the site and the page."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.site.frames import AgentConfig, Context, Turn
from rigs.sound.spoken_questions import COFFEE

OPENING = "Welcome to the coffee shop!"
PATIENCE = 30.0  # seconds


def agent_config(*, opening_text: str = OPENING, history: Iterable[tuple[str, str]] = ()) -> AgentConfig:
    """The coffee shop's avatar; `history` as (role, text)."""
    return AgentConfig(
        avatar_name="Wayne",
        language="en",
        context=Context(prompt=COFFEE.read_text(), opening_text=opening_text, faqs=()),
        history=turns(history),
    )


def turns(history: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    return tuple(Turn.model_validate({"role": role, "text": text}) for role, text in history)


class Reports:
    """Stands for the client of the site, and for the page."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.states: list[str] = []
        self.published: list[str] = []
        self._changed = asyncio.Event()

    def report(self, kind: str, payload: Mapping[str, Any] | None = None, direction: str = "in") -> None:
        self.events.append((kind, payload or {}))
        self._changed.set()

    def set_state(self, state: str) -> None:
        self.states.append(state)

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The payloads of all events of a kind."""
        return [payload for reported, payload in self.events if reported == kind]

    async def reported(self, kind: str, count: int = 1) -> Mapping[str, Any]:
        """Wait for the `count`th event of a kind."""
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def until(self, condition: Callable[[], bool], within: float = PATIENCE) -> None:
        """Wait until the events so far fulfil `condition`."""
        async with asyncio.timeout(within):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
