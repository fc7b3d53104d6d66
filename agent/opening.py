"""Opening something ahead of its first use."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Opening:
    """A failure is told by whoever uses what should have been open."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def begin(
        self, opens: Callable[[], Coroutine[Any, Any, None]], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Once: the framework asks for it more often."""
        if self._task is None:
            self._task = (loop or asyncio.get_running_loop()).create_task(opens(), name="opening")

    async def over(self) -> None:
        """It goes on no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
