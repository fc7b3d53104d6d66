"""A job that an agent worker has accepted, from its assignment to its end."""

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

# Seconds in which a worker must register again after it has lost its websocket, and name the jobs it still runs.
RETURN_WITHIN = 15.0
LEAVE_WITHIN = 3.0  # seconds in which an agent must leave by itself, as in livekit-server 1.13


class Job:
    """`over` resolves to the status it ended with; `message` is the record that `ListDispatch` returns."""

    def __init__(self, message: A.Job, worker: Worker, room: "Room") -> None:
        self.message = message
        self.over: asyncio.Future[A.JobStatus] = asyncio.get_running_loop().create_future()
        self._worker: Worker | None = (
            worker  # None while it is disconnected, and after it has reported the end
        )
        self._room = room
        self._agent_left = asyncio.Event()
        self._return: asyncio.TimerHandle | None = None

    @property
    def agent(self) -> "Participant | None":
        """The agent's participant, or None if it is not in the room."""
        return self._room.participants.get(self.message.state.participant_identity)

    def is_of(self, participant: "Participant") -> bool:
        """Return whether a participant is this job's agent, even if it has just left."""
        identity = self.message.state.participant_identity
        return participant.room is self._room and participant.identity == identity

    def reported(self, update: A.UpdateJobStatus) -> None:
        """Take a status report of the worker."""
        if has_ended(update):
            self._let_go()
            self.end(update.status, update.error)
        elif not self.over.done():
            self._note(update.status, update.error)

    def worker_lost(self, worker: Worker) -> None:
        """The worker's websocket has closed. The job goes on while its agent is in the room."""
        if self._worker is worker and not self.over.done():
            self._let_go()
            self._return = asyncio.get_running_loop().call_later(RETURN_WITHIN, self._worker_missing)

    def migrated(self, worker: Worker) -> None:
        """Attach a worker that has registered again and still runs the job."""
        if not self.over.done():
            self._let_go()
            self._worker = worker
            worker.jobs.add(self.message.id)
            self.message.state.worker_id = worker.id

    def agent_departed(self, reason: M.DisconnectReason) -> None:
        """The agent has left the room. A lost connection (SIGNAL_CLOSE) fails the job."""
        if reason == M.DisconnectReason.DUPLICATE_IDENTITY:
            return  # the agent has joined again
        self._agent_left.set()
        if reason == M.DisconnectReason.SIGNAL_CLOSE:
            self.end(A.JobStatus.JS_FAILED, "agent worker left the room")
        else:
            self.end(A.JobStatus.JS_SUCCESS)

    def end(self, status: A.JobStatus, error: str = "", reason: A.JobStateReason = A.JSR_UNSPECIFIED) -> None:
        """Record the end, once. `clear` removes the agent."""
        if self.over.done():
            return
        self._note(status, error)
        self.message.state.ended_at = self.message.state.updated_at
        self.message.state.reason = reason
        logger.info("job %s ended: %s %s", self.message.id, A.JobStatus.Name(status), error)
        self.over.set_result(status)

    async def clear(self) -> None:
        """After the end, terminate the job at the worker and remove the agent from the room."""
        failed = self.message.state.status == A.JobStatus.JS_FAILED
        if self._worker is not None and (failed or not self._agent_left.is_set()):
            self._worker.terminate(
                self.message.id
            )  # after a regular leave the agent may still be cleaning up
        self._let_go()
        if self.agent is not None and not failed:
            try:
                async with asyncio.timeout(LEAVE_WITHIN):
                    await self._agent_left.wait()
            except TimeoutError:
                logger.warning("job %s: the agent did not leave by itself and is removed", self.message.id)
        if self.agent is not None:
            reason = M.DisconnectReason.SIGNAL_CLOSE if failed else M.DisconnectReason.PARTICIPANT_REMOVED
            self._room.depart(self.agent, reason)

    def _let_go(self) -> None:
        """Detach the worker, for good or until it registers again."""
        if self._worker is not None:
            self._worker.jobs.discard(self.message.id)
            self._worker = None
        if self._return is not None:
            self._return.cancel()
            self._return = None

    def _worker_missing(self) -> None:
        """The worker has not registered again. An agent that is in the room goes on without it."""
        if self.agent is None:
            self.end(A.JobStatus.JS_FAILED, "agent worker left")

    def _note(self, status: A.JobStatus, error: str) -> None:
        state = self.message.state
        state.status, state.error, state.updated_at = status, error, time.time_ns()


def has_ended(update: A.UpdateJobStatus) -> bool:
    return update.status in (A.JobStatus.JS_SUCCESS, A.JobStatus.JS_FAILED, A.JobStatus.JS_CANCELLED)
