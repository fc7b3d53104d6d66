"""What the agent sends over one connection to the site."""

import asyncio
from typing import Any

import pytest

from agent.site.connection import Outgoing, SiteConnection
from agent.site.job_metadata import JobMetadata

JOB = JobMetadata(site_url="http://site", session="s", attempt=1, key="k", hosted=False)
RENEW_EVERY = 60.0  # seconds


class SlowSocket:
    """A socket whose first history request takes long enough for the agent's state to change."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.sent: list[dict[str, Any]] = []

    async def send_json(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "history":
            self.outgoing.state = "speaking"
            self.outgoing.changed.set()
        self.sent.append(frame)


@pytest.mark.virtual_time
async def test_a_state_that_changes_during_a_send_does_not_wait_for_the_next_renewal() -> None:
    outgoing = Outgoing()
    outgoing.history = asyncio.get_running_loop().create_future()
    socket = SlowSocket(outgoing)
    connection = SiteConnection(JOB, "AJ_1", outgoing, lambda _: None)

    sending = asyncio.create_task(connection._send(socket, RENEW_EVERY))  # type: ignore[arg-type]
    await asyncio.sleep(RENEW_EVERY / 2)
    sending.cancel()

    assert socket.sent == [
        {"type": "renew", "state": "waiting"},
        {"type": "history"},
        {"type": "renew", "state": "speaking"},
    ]
