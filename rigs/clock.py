"""The clock of a test's event loop, put forward: a wait of minutes takes no time, and no test asserts a duration."""

import asyncio


def put_clock_forward(seconds: float) -> None:
    """Let `seconds` pass on the running loop: its timers, sleeps and timeouts see them, sockets do not.

    Put it forward by less than a timer needs to see that it does not fire, by at least as much to see that it does.
    """
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds  # type: ignore[method-assign]


async def run_due_timers() -> None:
    """Let the loop run the timers that are due, and what they wake up."""
    for _ in range(3):
        await asyncio.sleep(0)
