"""Which dispatches the worker takes. Runs in the worker's own process."""

import logging
from typing import TYPE_CHECKING

from agent.assignment import Assignment, BadAssignment

if TYPE_CHECKING:
    from livekit.agents import AgentServer, JobRequest

logger = logging.getLogger(__name__)


class Reception:
    """Counts the seats: the framework's own estimate turns away all but one of those who come at the same time."""

    def __init__(self, capacity: int) -> None:
        """`capacity`: conversations at once."""
        self._capacity = capacity
        self._coming = 0  # accepted, and not in their seats yet
        self._server: AgentServer | None = None

    def load(self, server: "AgentServer") -> float:
        """From 0 to 1, for the server to compare its workers by."""
        self._server = server
        return min(1.0, len(server.active_jobs) / self._capacity)

    async def receive(self, job: "JobRequest") -> None:
        """Take what the site dispatched, under an identity that tells one attempt from the next."""
        seated = len(self._server.active_jobs) if self._server is not None else 0
        if seated + self._coming >= self._capacity:
            await job.reject()
            return
        try:
            assignment = Assignment.parse(job.job.metadata)
        except BadAssignment as error:
            logger.warning("a dispatch is refused: %s", error)
            await job.reject()
            return
        self._coming += 1
        try:
            await job.accept(identity=f"agent-{assignment.session[:8]}-{assignment.attempt}", name="Agent")
        finally:
            self._coming -= 1
