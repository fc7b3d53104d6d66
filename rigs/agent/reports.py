"""What the agent reports, collected instead of sent to the site and the page."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agent.site import Welcome
from rigs.sound.spoken_questions import COFFEE

OPENING = "Welcome to the coffee shop!"


def welcome(**members: Any) -> Welcome:
    return Welcome(
        **{
            "renew_every": 2.0,
            "avatar_name": "Wayne",
            "prompt": COFFEE.read_text(),
            "opening_text": OPENING,
            "faqs": (),
            "language": "en",
            "history": (),
            **members,
        }
    )


class Reports:
    """In the place of the line to the site, and of the page."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.states: list[str] = []
        self.shown: list[str] = []
        self._news = asyncio.Condition()

    def report(self, kind: str, payload: Mapping[str, Any] | None = None, direction: str = "in") -> None:
        self.events.append((kind, payload or {}))

    def be(self, state: str) -> None:
        self.states.append(state)

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [payload for told, payload in self.events if told == kind]

    async def told(self, kind: str, count: int = 1) -> Mapping[str, Any]:
        """The `count`th event of a kind, as soon as it is told."""
        async with asyncio.timeout(20):
            while len(self.of(kind)) < count:
                await asyncio.sleep(0.01)
        return self.of(kind)[count - 1]
