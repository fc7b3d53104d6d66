"""`python -m agent`: take the conversations the site dispatches, until SIGINT or SIGTERM."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agent import lifeline
from agent.log import configure
from agent.settings import InvalidSetting, Settings, from_environment
from voice.settings import InvalidSpeechSetting
from voice.speaking.speaker import VoiceMissing

if TYPE_CHECKING:
    from livekit.agents import AgentServer

logger = logging.getLogger(__name__)

# The end-of-turn model is not used; loading it would cost 245 MB.
os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
os.environ.setdefault("RUST_LOG", "off")


def main() -> int:
    """Serve; the exit code is 1 when it cannot begin."""
    try:
        settings = from_environment()
    except InvalidSetting as error:
        return _refuse(error)
    configure(settings.log_level, os.environ)
    from agent.pipeline import BadPipeline

    try:
        asyncio.run(_serve(settings))
    except (BadPipeline, InvalidSpeechSetting, VoiceMissing) as error:
        return _refuse(error)
    return 0


async def _serve(settings: Settings) -> None:
    from agent import pipeline
    from agent.server import Worker

    await pipeline.check()
    lifeline.begin()
    server = Worker(settings)

    def registered(*_: object) -> None:
        print(
            f"agent: ready for conversations at {settings.livekit_url} (up to {settings.capacity} at once)",
            flush=True,
        )

    server.once("worker_registered", registered)
    stops: asyncio.Queue[None] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stops.put_nowait, None)
    running = asyncio.create_task(server.run(devmode=False), name="worker")
    await _first(running, stops.get())
    if not running.done():
        logger.info(
            "the worker takes no more conversations, and lets those it has go on for %d s", settings.drain
        )
        if settings.drain:  # to the framework no time means for ever
            # A second signal hurries.
            await _first(_drained(server), stops.get())
        await server.aclose()
    await running


async def _drained(server: "AgentServer") -> None:
    with contextlib.suppress(TimeoutError):
        await server.drain()


async def _first(*work: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> None:
    """Until one of them is done; those that were begun for it alone end with it."""
    tasks = {asyncio.ensure_future(each) for each in work}
    own = tasks.difference(each for each in work if isinstance(each, asyncio.Task))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in own:
            task.cancel()
        await asyncio.wait(own)


def _refuse(error: Exception) -> int:
    print(f"agent: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
