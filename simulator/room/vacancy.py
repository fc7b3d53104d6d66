"""A place for one agent in a room: offered until a worker takes it, and again when the job fails."""

import asyncio
import logging

from livekit.protocol import agent as A
from livekit.protocol import agent_dispatch as AD

from simulator.room.agency import Agency, Place
from simulator.room.agent_job import Job

logger = logging.getLogger(__name__)

# A job that fails within `QUICK` seconds will do so again: after that many in a row nobody is asked any more.
QUICK, GIVE_UP_AFTER = 10.0, 3


class Vacancy:
    """Filled by a task of its own. livekit-server 1.13 asks each worker once and then never again."""

    def __init__(self, dispatch: AD.AgentDispatch, place: Place, agency: Agency) -> None:
        self._dispatch = dispatch
        self._place = place
        self._agency = agency
        self._job: Job | None = None
        self._closed = False
        self.task = asyncio.create_task(self._keep_filled(), name=f"agent for {place.room.name}")

    def withdraw(self) -> None:
        """Look for nobody any more; a job under way goes on."""
        self._closed = True
        if self._job is None:
            self.task.cancel()

    def close(self, reason: A.JobStateReason) -> None:
        """Look for nobody any more, and end the job. The task goes on until the agent has left."""
        self.withdraw()
        if self._job is not None:
            self._job.end(A.JobStatus.JS_SUCCESS, reason=reason)

    async def _keep_filled(self) -> None:
        clock = asyncio.get_running_loop().time
        quick_failures = 0
        while job := await self._agency.hire(self._dispatch, self._place):
            self._job, began = job, clock()
            status = await job.over
            await self._agency.release(job)
            self._job = None
            if (
                status != A.JobStatus.JS_FAILED
                or self._dispatch.restart_policy == AD.JRP_NEVER
                or self._closed
            ):
                return
            quick_failures = quick_failures + 1 if clock() - began < QUICK else 0
            if quick_failures == GIVE_UP_AFTER:
                logger.warning(
                    "room %s: an agent failed %d times at once", self._place.room.name, GIVE_UP_AFTER
                )
                return
