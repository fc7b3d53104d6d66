"""`python -m simulator.avatar`: one avatar, for one session. Speaks JSON lines with the process that started it."""

import asyncio
import logging
import os
import signal
import sys

from simulator.avatar.quiet import calm_native_libraries


def main() -> int:
    level = os.environ.get("SIMULATOR_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if level == "INFO":
        # The livekit SDK tells the root logger of every stream others send each other in a caller's room.
        logging.getLogger().setLevel(logging.WARNING)
        for package in ("simulator", "voice"):
            logging.getLogger(package).setLevel(level)
    # Ctrl-C reaches the whole terminal group. The parent decides when a session ends, and its death is seen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not calm_native_libraries():
        logging.getLogger(__name__).warning("this livekit is not the pinned version: it will log at a cost")
    from simulator.avatar.worker import run  # imports livekit and numpy, which are to be calm by now

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
