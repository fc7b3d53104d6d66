"""End a job's process when its worker has died.

The framework notices the death by the pipe between the two. A process that is still initializing when its worker is
killed misses that, waits without limit, and keeps alive the process from which it was forked.
"""

import os
import select
import threading
import time

WORKER_PID = "AGENT_WORKER_PID"  # environment variable, from the worker to the processes that it forks
GRACE = 8.0  # seconds in which a conversation may end in order


def publish_worker_pid() -> None:
    """Publish this process to the job processes that it forks."""
    os.environ[WORKER_PID] = str(os.getpid())


def exit_with_worker() -> None:
    """Watch the worker from a job's process, and exit after its death. Needs pidfd, which only Linux has."""
    worker = int(os.environ.get(WORKER_PID) or 0)
    if worker and worker != os.getpid() and hasattr(os, "pidfd_open"):
        threading.Thread(target=_exit_after, args=(worker,), name="orphan guard", daemon=True).start()


def _exit_after(worker: int) -> None:
    try:
        pidfd = os.pidfd_open(worker)
    except ProcessLookupError:
        pass
    else:
        select.select([pidfd], [], [])
    time.sleep(GRACE)
    os._exit(1)
