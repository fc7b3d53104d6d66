"""Run the worker until a signal, then drain it."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from agent.pipeline.build import check_pipeline
from agent.settings import Settings
from agent.worker import orphan_guard
from agent.worker.server import Worker

logger = logging.getLogger(__name__)


async def run_worker(settings: Settings, on_registered: Callable[[], None]) -> None:
    """Take jobs until SIGINT or SIGTERM, then let conversations continue for `settings.drain` seconds.

    A second signal ends the wait. `on_registered`: LiveKit offers jobs from now on. Raises the errors of
    `check_pipeline`.
    """
    await check_pipeline()
    orphan_guard.publish_worker_pid()
    worker = Worker(settings)
    worker.once("worker_registered", lambda *_: on_registered())
    signals: asyncio.Queue[None] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, None)
    running = asyncio.create_task(worker.run(devmode=False), name="worker")
    await _wait_for_first(running, signals.get())
    if not running.done():
        logger.info("worker draining: no new jobs; conversations may continue for %d s", settings.drain)
        if settings.drain:  # the framework takes 0 for no limit
            await _wait_for_first(_drain(worker), signals.get())
        await worker.aclose()
    await running


async def _drain(worker: Worker) -> None:
    with contextlib.suppress(TimeoutError):
        await worker.drain()


async def _wait_for_first(*work: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> None:
    """Wait until one is done, then cancel the coroutines, but no task of the caller."""
    tasks = {asyncio.ensure_future(each) for each in work}
    own = tasks.difference(each for each in work if isinstance(each, asyncio.Task))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in own:
            task.cancel()
        await asyncio.wait(own)
