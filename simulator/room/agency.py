"""The registered agent workers and their jobs."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import agent as A
from livekit.protocol import agent_dispatch as AD

from simulator.room.agent_job import Job, has_ended
from simulator.room.agent_worker import Role, Worker
from simulator.room.grants import Gate
from simulator.room.sids import sid

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.room import Room

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The target of a dispatch: a room, and for JT_PARTICIPANT and JT_PUBLISHER jobs a participant."""

    role: Role
    room: "Room"
    participant: "Participant | None" = None


class Agency:
    """Assigns jobs to workers and passes the workers' reports on to the jobs."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._workers: dict[str, Worker] = {}
        self._jobs: dict[str, Job] = {}  # by id, until they have ended
        self._news = asyncio.Event()

    def close(self) -> None:
        """Close the websockets of all workers."""
        for worker in list(self._workers.values()):
            worker.close()

    # Workers

    def register(self, worker: Worker) -> None:
        self._workers[worker.id] = worker
        self._tell()

    def leave(self, worker: Worker) -> None:
        del self._workers[worker.id]
        worker.close()
        for job in list(self._jobs.values()):
            job.worker_lost(worker)

    def update(self, worker: Worker, status: A.UpdateWorkerStatus) -> None:
        worker.update(status)
        self._tell()

    def roles(self, agent_name: str, deployment: str) -> set[Role]:
        """Return the distinct roles of the workers registered under that name and deployment."""
        roles = {worker.role for worker in self._workers.values()}
        return {role for role in roles if (role.agent_name, role.deployment) == (agent_name, deployment)}

    # Jobs

    async def hire(self, dispatch: AD.AgentDispatch, place: Place) -> Job | None:
        """Offer the job to each free worker in turn, including ones that register meanwhile.

        Return None if a worker rejects it with `terminate`.
        """
        asked: dict[str, float] = {}  # worker id -> its `shift` at the last offer
        while True:
            worker = self._idlest(place.role, asked)
            if worker is None:
                await self._news.wait()
                continue
            asked[worker.id] = worker.shift
            message = new_job(dispatch, place, worker)
            answer = await worker.offer(message)
            if answer is None:
                asked[worker.id] = math.inf  # it may still be deciding: no second offer
                continue
            if answer.terminate:
                return None
            if answer.available and worker.id in self._workers:
                record = dispatch.state.jobs.add()
                record.CopyFrom(message)
                return self._assign(record, place, worker, answer)

    async def release(self, job: Job) -> None:
        """After a job has ended, tell its worker and remove its agent from the room."""
        try:
            await job.clear()
        finally:
            del self._jobs[job.message.id]

    def reported(self, worker: Worker, update: A.UpdateJobStatus) -> None:
        job = self._jobs.get(update.job_id)
        if job is not None:
            job.reported(update)
        if has_ended(update):
            worker.finished(update.job_id)
            self._tell()

    def migrated(self, worker: Worker, request: A.MigrateJobRequest) -> None:
        """Give a worker that has registered again the jobs it still runs."""
        for job_id in request.job_ids:
            if job_id in self._jobs:
                self._jobs[job_id].migrated(worker)

    def departed(self, participant: "Participant") -> None:
        """A participant has left its room. If it was the agent of a job, the job ends."""
        for job in list(self._jobs.values()):
            if job.is_of(participant):
                job.agent_departed(participant.info.disconnect_reason)

    def _idlest(self, role: Role, asked: Mapping[str, float]) -> Worker | None:
        """Return the least loaded free worker of that role that has not been offered the job yet.

        A worker that declines because it is full is offered the job again after its next status update. A worker
        that rejects it (livekit-agents' `reject`) ends the dispatch.
        """
        free = [
            worker
            for worker in self._workers.values()
            if worker.role == role and worker.has_room and worker.shift > asked.get(worker.id, -1)
        ]
        return min(free, key=lambda worker: (worker.load, len(worker.jobs)), default=None)

    def _assign(self, message: A.Job, place: Place, worker: Worker, answer: A.AvailabilityResponse) -> Job:
        if not answer.participant_identity:
            answer.participant_identity = f"agent-{message.id}"
        answer.participant_attributes["lk.agent_name"] = place.role.agent_name
        message.state.participant_identity = answer.participant_identity
        job = self._jobs[message.id] = Job(message, worker, place.room)
        worker.assign(message, self._gate.agent_token(place.room.name, answer, worker.permission))
        logger.info("room %s: worker %s takes job %s", place.room.name, worker.id, message.id)
        return job

    def _tell(self) -> None:
        """Wake the tasks that wait for a worker."""
        self._news.set()
        self._news = asyncio.Event()


def new_job(dispatch: AD.AgentDispatch, place: Place, worker: Worker) -> A.Job:
    """Return a job to offer. Each offer is a new job with its own id."""
    now = time.time_ns()
    return A.Job(
        id=sid("AJ"),
        dispatch_id=dispatch.id,
        type=place.role.job_type,
        room=place.room.info,
        participant=place.participant.info if place.participant else None,
        namespace=place.role.namespace,
        agent_name=place.role.agent_name,
        metadata=dispatch.metadata,
        deployment=dispatch.deployment,
        attributes=dispatch.attributes,
        state=A.JobState(status=A.JobStatus.JS_RUNNING, worker_id=worker.id, started_at=now, updated_at=now),
    )
