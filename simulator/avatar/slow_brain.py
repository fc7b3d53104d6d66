"""The `thinking` fault: a brain that answers late."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal

from simulator.avatar.conversation import Brain
from simulator.avatar.faults import Faults


class SlowBrain:
    """Answers like `brain`, `faults.thinking` seconds later."""

    def __init__(self, brain: Brain, faults: Faults) -> None:
        self._brain = brain
        self._faults = faults

    async def reply(self, text: str) -> AsyncIterator[str]:
        await asyncio.sleep(self._faults.thinking)
        answer = self._brain.reply(text)
        try:
            async for sentence in answer:
                yield sentence
        finally:
            # The rest is not needed: end the request behind it.
            if isinstance(answer, AsyncGenerator):
                await answer.aclose()

    def remember(self, role: Literal["user", "assistant"], text: str) -> None:
        self._brain.remember(role, text)
