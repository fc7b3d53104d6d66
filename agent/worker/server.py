"""The worker: livekit-agents' AgentServer, which takes an exact number of jobs."""

import logging

from livekit.agents import AgentServer, JobExecutorType, JobRequest

from agent.settings import AGENT_NAME, Settings
from agent.site.job_metadata import InvalidJobMetadata, JobMetadata
from agent.worker import job

logger = logging.getLogger(__name__)


class Worker(AgentServer):
    """Counts jobs. The framework estimates the load of a starting job instead, and an idle worker then refuses all
    but one of the jobs that are offered at the same time.
    """

    def __init__(self, settings: Settings) -> None:
        self._capacity = settings.capacity
        # Not by the framework's command line: its development mode calls its vendor.
        super().__init__(
            ws_url=settings.livekit_url,
            api_key=settings.livekit_key,
            api_secret=settings.livekit_secret.get_secret_value(),
            host="127.0.0.1",
            port=0,
            job_executor_type=(
                JobExecutorType.THREAD if settings.executor == "thread" else JobExecutorType.PROCESS
            ),
            num_idle_processes=1,
            load_fnc=self._load,
            load_threshold=0.99,
            drain_timeout=settings.drain,
            max_retry=10**6,  # the default gives up after minutes without its LiveKit server
            log_level={"WARNING": "WARN"}.get(settings.log_level, settings.log_level),
        )
        self.setup_fnc = job.prewarm
        self.rtc_session(job.entrypoint, agent_name=AGENT_NAME, on_request=accept_or_reject)

    def _load(self) -> float:
        return min(1.0, len(self.active_jobs) / self._capacity)

    def _get_effective_load(self) -> float:
        return self._worker_load + self._reserved_slots / self._capacity


async def accept_or_reject(request: JobRequest) -> None:
    """Accept a job of the site, under an identity that differs from one attempt to the next."""
    try:
        metadata = JobMetadata.parse(request.job.metadata)
    except InvalidJobMetadata as error:
        logger.warning("job %s rejected: %s", request.job.id, error)
        await request.reject()
        return
    await request.accept(identity=f"agent-{metadata.session[:8]}-{metadata.attempt}", name="Agent")
