"""A pending agent in a room: offered until a worker accepts the job, and again after the job has failed."""

import asyncio
import logging

from livekit.protocol import agent as A
from livekit.protocol import agent_dispatch as AD

from simulator.room.agency import Agency, Place
from simulator.room.agent_job import Job

logger = logging.getLogger(__name__)

# A job that fails within `QUICK` seconds will fail again: after so many in a row it is not offered any more.
QUICK, GIVE_UP_AFTER = 10.0, 3


class Vacancy:
    """Its task offers the job. livekit-server 1.13 offers it to each worker only once."""

    def __init__(self, dispatch: AD.AgentDispatch, place: Place, agency: Agency) -> None:
        self._dispatch = dispatch
        self._place = place
        self._agency = agency
        self._job: Job | None = None
        self._closed = False
        self.task = asyncio.create_task(self._keep_filled(), name=f"agent for {place.room.name}")

    def withdraw(self) -> None:
        """Stop offering the job; a running one goes on."""
        self._closed = True
        if self._job is None:
            self.task.cancel()

    def close(self, reason: A.JobStateReason) -> None:
        """Stop offering the job and end a running one. The task ends when the agent has left."""
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
                    "room %s: the agent failed %d times within seconds and is not dispatched again",
                    self._place.room.name,
                    GIVE_UP_AFTER,
                )
                return
