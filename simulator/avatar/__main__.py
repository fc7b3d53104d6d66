"""`python -m simulator.avatar`: the avatar of one session. It exchanges JSON lines with its parent process."""

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
        # The livekit SDK logs every data stream that other participants of a caller's room exchange, on the root
        # logger.
        logging.getLogger().setLevel(logging.WARNING)
        for package in ("simulator", "voice"):
            logging.getLogger(package).setLevel(level)
    # Ctrl-C reaches the whole process group, but the parent ends sessions. If it dies, the end of the input shows it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not calm_native_libraries():
        logging.getLogger(__name__).warning(
            "livekit is not the pinned version: its log capture stays on and costs CPU"
        )
    from simulator.avatar.worker import run  # imports livekit and numpy, after their settings

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
