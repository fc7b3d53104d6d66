"""What many CUSTOM conversations with failures of every kind leave behind: it must be nothing.

The failures: faults of the simulator, killed agents and workers, pages that vanish and cancelled starts. Afterwards it
counts the sessions of the service, rooms, the site's rows and processes.
"""

import argparse
import asyncio
import random
from collections import Counter

from benchmarks.stage import load
from rigs.agent.agent_cycles import Footprint, footprints, nothing_left, run, shuffled
from rigs.agent.custom_stage import custom_stage
from rigs.rooms.room_rig import EMBEDDED, REAL
from simulator.avatar.quiet import calm_native_libraries

calm_native_libraries()

WARM = 6  # cycles before the first footprint; they make what is made only once


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--server", choices=[EMBEDDED, REAL], default=EMBEDDED, help="the server of the rooms"
    )
    options = parser.parse_args()
    random.seed(options.seed)
    endings: Counter[tuple[str, str]] = Counter()
    async with custom_stage(options.server, site={"PAGE_GRACE": "2"}) as stage:
        before: dict[str, Footprint] = {}
        for number, (cycle, answerer) in enumerate(shuffled(options.cycles, options.seed)):
            if number == min(WARM, options.cycles - 1):
                before = footprints(stage)
            try:
                endings[cycle.name, await run(stage, cycle, answerer)] += 1
            except Exception as error:  # noqa: BLE001 - the other cycles must run as well
                endings[cycle.name, f"{type(error).__name__}: {error}"] += 1
        left = await nothing_left(stage)
        after = footprints(stage)
    print(f"{options.cycles} conversations, seed {options.seed}, on {options.server}; {load()}")
    for (name, ending), count in sorted(endings.items()):
        print(f"  {count:3} x {name:<36} {ending}")
    for name, print_after in after.items():
        print(f"  {name:<10} before {before.get(name)}\n  {'':<10} after  {print_after}")
    print(f"  left: {left or 'nothing'}")


if __name__ == "__main__":
    asyncio.run(main())
