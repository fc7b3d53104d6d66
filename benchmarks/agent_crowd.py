"""Whether many conversations at once lose or double a turn, also when one of two workers drains.

Each of two workers can hold all conversations. Every visitor types one question after the other in a room of ours. When
all are half-way, one worker gets SIGTERM and its conversations move to the other. Avatars would need more CPU than the
agents, so the service has none: it consumes their sound in real time.
"""

import argparse
import asyncio
import contextlib

import psutil

from benchmarks.stage import load, summary
from rigs.agent.agent_crowd import crowd, crowd_stage
from rigs.rooms.room_rig import EMBEDDED, REAL
from simulator.avatar.quiet import calm_native_libraries

calm_native_libraries()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=20)
    parser.add_argument("--questions", type=int, default=6, help="per visitor")
    parser.add_argument(
        "--server", choices=[EMBEDDED, REAL], default=EMBEDDED, help="the server of the rooms"
    )
    options = parser.parse_args()
    async with crowd_stage(2 * options.conversations, options.server) as stage:
        found = await crowd(stage, options.conversations, options.questions)
        memory = sum(memory_of(worker.pid) for worker in stage.stage.workers if worker.process.poll() is None)
    print(f"{found.conversations} conversations; {load()}")
    print(f"  {found.moved} moved to the other worker, which cut {found.cut} answers short")
    print(summary("  typed question to the end of its answer", found.waits, "s"))
    print(f"  {len(found.waits)} questions answered, {len(found.wrong)} errors {found.wrong or ''}")
    print(f"  memory of the worker that stayed, with its jobs: {memory / 2**20:.0f} MB (PSS)")


def memory_of(worker: int) -> int:
    """Return the bytes (PSS) of a process and its descendants."""
    found = 0
    for process in [psutil.Process(worker), *psutil.Process(worker).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a conversation has just ended
            found += process.memory_full_info().pss
    return found


if __name__ == "__main__":
    asyncio.run(main())
