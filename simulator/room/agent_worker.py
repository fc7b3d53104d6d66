"""A registered agent worker (livekit-agents): its role, its load and its messages."""

import asyncio
from dataclasses import dataclass
from typing import Any

from livekit.protocol import agent as A
from livekit.protocol import models as M

from simulator.room.sids import sid
from simulator.room.signalling import Signal

ANSWER_WITHIN = 5.0  # seconds; livekit-agents waits 7.5 s for the assignment after its answer
UNLESS_SAID = M.ParticipantPermission(
    can_subscribe=True, can_publish=True, can_publish_data=True, can_update_metadata=True
)


@dataclass(frozen=True, slots=True)
class Role:
    """What a worker serves. A job is offered to workers whose role equals its own in all four fields."""

    agent_name: str
    namespace: str
    job_type: A.JobType
    deployment: str


class Worker:
    """One worker, for the life of its websocket."""

    def __init__(self, registration: A.RegisterWorkerRequest, signal: Signal) -> None:
        self.id = sid("AW")
        self.role = Role(
            registration.agent_name, registration.namespace, registration.type, registration.deployment
        )
        told = registration.HasField("allowed_permissions")
        self.permission = registration.allowed_permissions if told else UNLESS_SAID
        self.load = 0.0
        self.shift = 0  # version of its availability: grows when it reports, or shows by ending a job, that it has room
        self.jobs: set[str] = set()  # ids of the jobs it has been offered or runs
        self._available, self._draining = True, False
        self._signal = signal
        self._answers: dict[str, asyncio.Future[A.AvailabilityResponse | None]] = {}

    @property
    def has_room(self) -> bool:
        return self._available and not self._draining and self.load < 1

    async def offer(self, job: A.Job) -> A.AvailabilityResponse | None:
        """Offer a job. Return None if the worker does not answer in time or disconnects."""
        answer: asyncio.Future[A.AvailabilityResponse | None] = asyncio.get_running_loop().create_future()
        self._answers[job.id] = answer
        self.jobs.add(job.id)
        self.send(availability=A.AvailabilityRequest(job=job))
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._answers[job.id]
            self.jobs.discard(job.id)

    def assign(self, job: A.Job, token: str) -> None:
        """Assign a job it has accepted. Without a URL the worker uses the one it is connected to."""
        self.jobs.add(job.id)
        self.send(assignment=A.JobAssignment(job=job, token=token))

    def finished(self, job_id: str) -> None:
        """Record that a job has ended, so that the worker has room for another."""
        self.jobs.discard(job_id)
        self.shift += 1

    def terminate(self, job_id: str) -> None:
        self.send(termination=A.JobTermination(job_id=job_id))

    def answered(self, answer: A.AvailabilityResponse) -> None:
        """Take the answer to an offer; a late one is ignored."""
        waiting = self._answers.get(answer.job_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def update(self, status: A.UpdateWorkerStatus) -> None:
        """Take its load and status, which it reports every few seconds."""
        if status.HasField("status"):
            self._available = status.status == A.WorkerStatus.WS_AVAILABLE
        self._draining = status.draining
        self.load = status.load
        if self.has_room:
            self.shift += 1

    def close(self) -> None:
        """Close its websocket and drop its open offers."""
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_result(None)
        self._signal.finish()

    def send(self, **message: Any) -> None:
        """Send one message, under its name in `ServerMessage`."""
        self._signal.send(A.ServerMessage(**message))
