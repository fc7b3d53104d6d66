"""An agent worker (livekit-agents) that is registered: what it takes, says and is told."""

import asyncio
from dataclasses import dataclass
from typing import Any

from livekit.protocol import agent as A
from livekit.protocol import models as M

from simulator.room.sids import sid
from simulator.room.signalling import Signal

ANSWER_WITHIN = 5.0  # seconds; after its own answer livekit-agents waits 7.5 for the assignment
UNLESS_SAID = M.ParticipantPermission(
    can_subscribe=True, can_publish=True, can_publish_data=True, can_update_metadata=True
)


@dataclass(frozen=True, slots=True)
class Role:
    """What a job must be for a worker to be asked: all four must be the same on both sides."""

    agent_name: str
    namespace: str
    job_type: A.JobType
    deployment: str


class Worker:
    """One worker, as long as its websocket lasts."""

    def __init__(self, registration: A.RegisterWorkerRequest, signal: Signal) -> None:
        self.id = sid("AW")
        self.role = Role(
            registration.agent_name, registration.namespace, registration.type, registration.deployment
        )
        told = registration.HasField("allowed_permissions")
        self.permission = registration.allowed_permissions if told else UNLESS_SAID
        self.load = 0.0
        self.shift = 0  # grows whenever it says, or ends a job and so shows, that it has room
        self.jobs: set[str] = set()  # ids of those it is asked about or has
        self._available, self._draining = True, False
        self._signal = signal
        self._answers: dict[str, asyncio.Future[A.AvailabilityResponse | None]] = {}

    @property
    def has_room(self) -> bool:
        return self._available and not self._draining and self.load < 1

    async def offer(self, job: A.Job) -> A.AvailabilityResponse | None:
        """Ask whether it takes a job. None when it does not answer in time or is gone."""
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
        """Give it a job it said it takes. Without a URL it uses the one it is connected to."""
        self.jobs.add(job.id)
        self.send(assignment=A.JobAssignment(job=job, token=token))

    def finished(self, job_id: str) -> None:
        """It has room for another job."""
        self.jobs.discard(job_id)
        self.shift += 1

    def terminate(self, job_id: str) -> None:
        self.send(termination=A.JobTermination(job_id=job_id))

    def answered(self, answer: A.AvailabilityResponse) -> None:
        """It answers an offer; too late is like never."""
        waiting = self._answers.get(answer.job_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def update(self, status: A.UpdateWorkerStatus) -> None:
        """Its load and status, every few seconds."""
        if status.HasField("status"):
            self._available = status.status == A.WorkerStatus.WS_AVAILABLE
        self._draining = status.draining
        self.load = status.load
        if self.has_room:
            self.shift += 1

    def close(self) -> None:
        """Close its websocket, and wait for no answer any more."""
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_result(None)
        self._signal.finish()

    def send(self, **message: Any) -> None:
        """Send one message, named as in `ServerMessage`."""
        self._signal.send(A.ServerMessage(**message))
