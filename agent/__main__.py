"""`python -m agent`: take the conversations the site dispatches, until SIGINT or SIGTERM."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agent.log import configure
from agent.reception import Reception
from agent.settings import AGENT_NAME, InvalidSetting, Settings, from_environment
from voice.settings import InvalidSpeechSetting
from voice.tts import VoiceMissing

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

    await pipeline.check()
    server = _server(settings)

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
        # A second signal hurries.
        await _first(_drained(server), stops.get())
        await server.aclose()
    await running


def _server(settings: Settings) -> "AgentServer":
    from livekit.agents import AgentServer, JobExecutorType

    from agent import entry

    reception = Reception(settings.capacity)
    # Not through the framework's CLI: its development mode would phone home.
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_key,
        api_secret=settings.livekit_secret,
        host="127.0.0.1",
        port=0,
        job_executor_type=JobExecutorType.THREAD if settings.threads else JobExecutorType.PROCESS,
        num_idle_processes=1,
        load_fnc=reception.load,
        load_threshold=math.inf,  # the reception decides
        drain_timeout=settings.drain,
        max_retry=10**6,  # the default gives up after minutes without its server
        log_level={"WARNING": "WARN"}.get(settings.log_level, settings.log_level),
    )
    server.setup_fnc = entry.prewarm
    server.rtc_session(entry.entry, agent_name=AGENT_NAME, on_request=reception.receive)
    return server


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
