"""A job an agent worker has taken, from the assignment to the end."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from livekit.protocol import agent as A
from livekit.protocol import models as M

from simulator.room.agent_worker import Worker

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.room import Room

logger = logging.getLogger(__name__)

# Seconds a worker whose websocket is lost has to register again and to say which jobs it still has.
RETURN_WITHIN = 15.0
LEAVE_WITHIN = 3.0  # seconds an agent has to leave by itself, as in livekit-server 1.13


class Job:
    """`over` has the status it ended with; `message` is its record, which `ListDispatch` shows."""

    def __init__(self, message: A.Job, worker: Worker, room: "Room") -> None:
        self.message = message
        self.over: asyncio.Future[A.JobStatus] = asyncio.get_running_loop().create_future()
        self._worker: Worker | None = worker  # None while it is away, and once it has reported the end
        self._room = room
        self._agent_left = asyncio.Event()
        self._return: asyncio.TimerHandle | None = None

    @property
    def agent(self) -> "Participant | None":
        """The job's participant, while it is in the room."""
        return self._room.participants.get(self.message.state.participant_identity)

    def is_of(self, participant: "Participant") -> bool:
        """Whether a participant is this job's agent, even if it has just left."""
        identity = self.message.state.participant_identity
        return participant.room is self._room and participant.identity == identity

    def reported(self, update: A.UpdateJobStatus) -> None:
        """Its worker tells how it goes."""
        if has_ended(update):
            self._let_go()
            self.end(update.status, update.error)
        elif not self.over.done():
            self._note(update.status, update.error)

    def worker_lost(self, worker: Worker) -> None:
        """The worker's websocket has ended. The job may go on: only its agent can tell."""
        if self._worker is worker and not self.over.done():
            self._let_go()
            self._return = asyncio.get_running_loop().call_later(RETURN_WITHIN, self._worker_missing)

    def migrated(self, worker: Worker) -> None:
        """A worker that registered again still has the job."""
        if not self.over.done():
            self._let_go()
            self._worker = worker
            worker.jobs.add(self.message.id)
            self.message.state.worker_id = worker.id

    def agent_departed(self, reason: M.DisconnectReason) -> None:
        """The agent has left the room, or was seen no more (SIGNAL_CLOSE), which is a failure."""
        if reason == M.DisconnectReason.DUPLICATE_IDENTITY:
            return  # it is back already
        self._agent_left.set()
        if reason == M.DisconnectReason.SIGNAL_CLOSE:
            self.end(A.JobStatus.JS_FAILED, "agent worker left the room")
        else:
            self.end(A.JobStatus.JS_SUCCESS)

    def end(self, status: A.JobStatus, error: str = "", reason: A.JobStateReason = A.JSR_UNSPECIFIED) -> None:
        """Note the end, once. What is left of the agent goes with `clear`."""
        if self.over.done():
            return
        self._note(status, error)
        self.message.state.ended_at = self.message.state.updated_at
        self.message.state.reason = reason
        logger.info("job %s ends: %s %s", self.message.id, A.JobStatus.Name(status), error)
        self.over.set_result(status)

    async def clear(self) -> None:
        """After the end: tell the worker, and see to it that the agent is out of the room."""
        failed = self.message.state.status == A.JobStatus.JS_FAILED
        if self._worker is not None and (failed or not self._agent_left.is_set()):
            self._worker.terminate(self.message.id)  # who has left by itself may still have work to do
        self._let_go()
        if self.agent is not None and not failed:
            try:
                async with asyncio.timeout(LEAVE_WITHIN):
                    await self._agent_left.wait()
            except TimeoutError:
                logger.warning("the agent of job %s does not leave: it is removed", self.message.id)
        if self.agent is not None:
            reason = M.DisconnectReason.SIGNAL_CLOSE if failed else M.DisconnectReason.PARTICIPANT_REMOVED
            self._room.depart(self.agent, reason)

    def _let_go(self) -> None:
        """The worker has nothing to do with the job any more, or not now."""
        if self._worker is not None:
            self._worker.jobs.discard(self.message.id)
            self._worker = None
        if self._return is not None:
            self._return.cancel()
            self._return = None

    def _worker_missing(self) -> None:
        """It did not come back for the job. An agent in the room goes on without; its end will be noticed."""
        if self.agent is None:
            self.end(A.JobStatus.JS_FAILED, "agent worker left")

    def _note(self, status: A.JobStatus, error: str) -> None:
        state = self.message.state
        state.status, state.error, state.updated_at = status, error, time.time_ns()


def has_ended(update: A.UpdateJobStatus) -> bool:
    return update.status in (A.JobStatus.JS_SUCCESS, A.JobStatus.JS_FAILED, A.JobStatus.JS_CANCELLED)
