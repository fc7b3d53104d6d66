"""A pool of avatar processes. It keeps one standby process, because the imports of a new one take over a second."""

import asyncio
import logging
from collections.abc import Sequence

from simulator.worker import AVATAR_COMMAND, Worker, WorkerFailed

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Workers:
    """Keeps one warm standby process for the next `take`.

    Starts the next standby process on `refill` or when a caller waits, not on `take`: the new session needs the CPU
    first.
    """

    def __init__(
        self,
        command: Sequence[str] = AVATAR_COMMAND,
        *,
        warm_timeout: float = 30.0,
        first_pause: float = FIRST_PAUSE_S,
    ) -> None:
        self._command = command
        self._warm_timeout = warm_timeout
        self._first_pause = first_pause
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()  # set while there is a spare or a failure to report
        self._taken = asyncio.Event()
        self._spare: Worker | None = None
        self._trouble: WorkerFailed | None = None
        self._waiting = 0
        self._failures = 0
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the first standby process."""
        self._keeper = asyncio.create_task(self._keep_spare())
        self.refill()

    def refill(self) -> None:
        """Start a standby process unless there is one."""
        if self._spare is None:
            self._wanted.set()

    async def take(self) -> Worker:
        """Wait for a warm worker and pass its ownership to the caller.

        Raises WorkerFailed at once while workers fail to start: waiting would not help.
        """
        self._waiting += 1
        self.refill()
        try:
            while self._spare is None or self._spare.has_exited:
                self._spare = None
                if self._trouble is not None:
                    raise WorkerFailed(str(self._trouble))
                self._news.clear()
                await self._news.wait()
            worker, self._spare = self._spare, None
            self._news.clear()
            self._taken.set()
            return worker
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the standby process. Callers end the workers that they took."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    async def _keep_spare(self) -> None:
        while True:
            if not self._waiting:
                await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._provide_spare()
                self._failures = 0
            except WorkerFailed as error:
                await self._back_off(error)
                self._wanted.set()

    async def _provide_spare(self) -> None:
        """Start a worker and hold it until it is taken. Raises WorkerFailed if it exits before that."""
        spare = await self._warm()
        self._spare = spare
        self._taken.clear()
        self._news.set()
        try:
            await self._until_taken_or_ended(spare)
        finally:
            if not self._taken.is_set():
                self._spare = None
                self._news.clear()
                await spare.kill()
        if not self._taken.is_set():
            raise WorkerFailed(await spare.obituary())

    async def _warm(self) -> Worker:
        worker = await Worker.spawn(self._command)
        warm = False
        try:
            async with asyncio.timeout(self._warm_timeout):
                await worker.warm()
            warm = True
        except TimeoutError:
            raise WorkerFailed(f"the avatar worker was not ready within {self._warm_timeout:g} s") from None
        finally:
            if not warm:
                await worker.kill()
        return worker

    async def _until_taken_or_ended(self, spare: Worker) -> None:
        waits = {asyncio.create_task(spare.exited()), asyncio.create_task(self._taken.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _back_off(self, error: WorkerFailed) -> None:
        pause = min(self._first_pause * 2**self._failures, LONGEST_PAUSE_S)
        self._failures += 1
        logger.error("%s; next attempt in %g s", error, pause)
        self._trouble = error
        self._news.set()
        try:
            await asyncio.sleep(pause)
        finally:
            self._trouble = None
            self._news.clear()
