"""The worker: livekit-agents' server with the project's settings, and seats that are counted."""

import logging

from livekit.agents import AgentServer, JobExecutorType, JobRequest

from agent import entry
from agent.assignment import Assignment, BadAssignment
from agent.settings import AGENT_NAME, Settings

logger = logging.getLogger(__name__)


class Worker(AgentServer):
    """The framework guesses what a job that begins will weigh, and an idle worker turns away all but one of those
    who come at the same time. Here each weighs one seat.
    """

    def __init__(self, settings: Settings) -> None:
        self._seats = settings.capacity
        # Not through the framework's CLI: its development mode would phone home.
        super().__init__(
            ws_url=settings.livekit_url,
            api_key=settings.livekit_key,
            api_secret=settings.livekit_secret,
            host="127.0.0.1",
            port=0,
            job_executor_type=JobExecutorType.THREAD if settings.threads else JobExecutorType.PROCESS,
            num_idle_processes=1,
            load_fnc=self._load,
            load_threshold=0.99,
            drain_timeout=settings.drain,
            max_retry=10**6,  # the default gives up after minutes without its server
            log_level={"WARNING": "WARN"}.get(settings.log_level, settings.log_level),
        )
        self.setup_fnc = entry.prewarm
        self.rtc_session(entry.entry, agent_name=AGENT_NAME, on_request=receive)

    def _load(self) -> float:
        return min(1.0, len(self.active_jobs) / self._seats)

    def _get_effective_load(self) -> float:
        return self._worker_load + self._reserved_slots / self._seats


async def receive(job: JobRequest) -> None:
    """Take what the site dispatched, under an identity that tells one attempt from the next."""
    try:
        assignment = Assignment.parse(job.job.metadata)
    except BadAssignment as error:
        logger.warning("a dispatch is refused: %s", error)
        await job.reject()
        return
    await job.accept(identity=f"agent-{assignment.session[:8]}-{assignment.attempt}", name="Agent")
