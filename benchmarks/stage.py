"""The stage of the measurements: simulator, site and Chromium."""

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from playwright.async_api import Browser, async_playwright

from rigs.browser.chromium import CHROMIUM_ARGUMENTS, chromium
from rigs.processes import Simulator, Site, running_simulator, running_site


@dataclass(frozen=True, slots=True)
class Stage:
    simulator: Simulator
    site: Site
    browser: Browser


@asynccontextmanager
async def set_stage() -> AsyncIterator[Stage]:
    """Run simulator, site and browser as processes of their own until the block ends."""
    path = chromium()
    if path is None:
        sys.exit("Chromium is needed for this measurement (Debian: apt install chromium)")
    folder = Path(tempfile.mkdtemp())
    try:
        with running_simulator() as simulator, running_site(folder, simulator.api_url) as site:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
                yield Stage(simulator, site, browser)
                await browser.close()
    finally:
        shutil.rmtree(folder)


def summary(name: str, values: Sequence[float], unit: str) -> str:
    """Return one line: median, 90th percentile, minimum and maximum."""
    ninety = quantiles(values, n=10)[-1] if len(values) > 1 else values[0]
    return (
        f"{name:<44} p50 {median(values):7.1f} {unit}   p90 {ninety:7.1f}   "
        f"min {min(values):7.1f}   max {max(values):7.1f}   n={len(values)}"
    )


def load() -> str:
    """Return how busy the machine was, to print beside the figures."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}"
