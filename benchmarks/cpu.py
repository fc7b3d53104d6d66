"""The cost of one conversation: CPU of the simulator and its avatar process, idle and speaking."""

import argparse
import asyncio

import psutil

from benchmarks.stage import load, set_stage
from rigs.browser.visitor import visiting

SENTENCE = "One thing after the other, and then another thing, and so it goes on and on for quite a while. "


def seconds_by_process(simulator: psutil.Process) -> dict[str, float]:
    """Return the CPU seconds used so far, by the simulator itself and by all its children."""
    children = 0.0
    for child in simulator.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        children += times.user + times.system
    own = simulator.cpu_times()
    return {"simulator": own.user + own.system, "worker": children}


async def used(simulator: psutil.Process, seconds: float) -> dict[str, float]:
    """Return the percent of one core used over the next `seconds`."""
    before = seconds_by_process(simulator)
    await asyncio.sleep(seconds)
    after = seconds_by_process(simulator)
    return {name: 100 * (after[name] - before[name]) / seconds for name in after}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each measurement")
    parser.add_argument("--quality", default="low", choices=["low", "medium", "high", "very_high"])
    options = parser.parse_args()
    async with set_stage() as stage, visiting(stage.browser, stage.site.url) as visitor:
        simulator = psutil.Process(stage.simulator.pid)
        await visitor.start(quality=options.quality)
        await visitor.is_ready_to_talk()
        # The standby process of the next session is starting.
        await asyncio.sleep(5)
        found = {"idle": await used(simulator, options.seconds)}
        await visitor.page.get_by_label("Your message").fill(SENTENCE * 20)
        await visitor.press("Say exactly")
        await visitor.state_is("Speaking")
        found["speaking"] = await used(simulator, options.seconds)
    print(f"one session, quality {options.quality}, one viewer (Chromium), {load()}")
    for state, share in found.items():
        print(
            f"{state:<10} simulator {share['simulator']:5.1f} %   worker {share['worker']:5.1f} %"
            f"   together {sum(share.values()):5.1f} % of one core"
        )


if __name__ == "__main__":
    asyncio.run(main())
