"""Open a speech part ahead of its first use."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Warmup:
    """Runs an `open` in the background. Errors surface on first use."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(
        self, opens: Callable[[], Coroutine[Any, Any, None]], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Start it once: the framework prewarms a part more than once."""
        if self._task is None:
            self._task = (loop or asyncio.get_running_loop()).create_task(opens(), name="warm-up")

    async def cancel(self) -> None:
        """Stop it, before the part is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
