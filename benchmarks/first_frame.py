"""The time to the first decoded frame: from the click, and from `room.connect()`.

The figures are the page's own, as it reports them to the site (`page.first_frame`).
"""

import argparse
import asyncio
import json

from benchmarks.stage import Stage, load, set_stage, summary
from rigs.browser.visitor import visiting


async def measure(stage: Stage, runs: int, quality: str) -> list[dict[str, float]]:
    """Return one dict of milliseconds per run; each run has a new browser profile and a new session."""
    found = []
    for number in range(runs + 1):
        async with visiting(stage.browser, stage.site.url) as visitor:
            await visitor.start(quality=quality)
            await visitor.press("End")
            await visitor.page.get_by_role("heading", name="Conversation ended").wait_for()
            rows = stage.site.rows(
                "SELECT payload FROM sessions_app_sessionevent WHERE type = 'page.first_frame' ORDER BY id DESC LIMIT 1"
            )
        if number > 0:  # the first one only warms up
            found.append(json.loads(rows[0][0]))
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--quality", default="low", choices=["low", "medium", "high", "very_high"])
    options = parser.parse_args()
    async with set_stage() as stage:
        found = await measure(stage, options.runs, options.quality)
    print(f"quality {options.quality}, {load()}")
    print(summary("click to first decoded frame", [run["ms_from_click"] for run in found], "ms"))
    print(summary("room.connect() to first decoded frame", [run["ms_from_connect"] for run in found], "ms"))


if __name__ == "__main__":
    asyncio.run(main())
