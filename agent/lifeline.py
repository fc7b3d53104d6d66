"""A job's process does not outlive its worker, however that ends.

The framework's own way is the pipe between the two. A process that is being made ready when its worker is killed misses
that, waits for ever, and keeps the process alive from which it was forked.
"""

import os
import select
import threading
import time

SETTING = "AGENT_WORKER_PID"  # from the worker to the processes it forks
GRACE = 8.0  # seconds in which a conversation may end in order


def begin() -> None:
    """In the worker: those who come from it know whom to follow."""
    os.environ[SETTING] = str(os.getpid())


def follow() -> None:
    """In a job's process: end with the worker. Does nothing where there is no pidfd (not Linux)."""
    worker = int(os.environ.get(SETTING) or 0)
    if worker and worker != os.getpid() and hasattr(os, "pidfd_open"):
        threading.Thread(target=_end_after, args=(worker,), name="lifeline", daemon=True).start()


def _end_after(worker: int) -> None:
    try:
        alive = os.pidfd_open(worker)
    except ProcessLookupError:
        pass
    else:
        select.select([alive], [], [])
    time.sleep(GRACE)
    os._exit(1)
