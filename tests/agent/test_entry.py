"""The order in which a job starts its conversation."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from agent.site.client import SiteClient
from agent.site.frames import SessionAccess
from agent.site.job_metadata import JobMetadata
from agent.worker import job
from rigs.agent.reports import agent_config


@pytest.mark.virtual_time
async def test_an_agent_that_takes_over_starts_only_when_it_is_in_the_room() -> None:
    """It receives config and access at once, and the framework cannot speak outside a room."""
    has_started = asyncio.Event()

    class Conversation:
        def __init__(self, *_: Any) -> None:
            has_started.set()

        async def run(self) -> str:
            return ""

    metadata = JobMetadata(site_url="http://site", session="session", attempt=2, key="key", hosted=False)
    site = SiteClient(metadata, "AJ_1")
    site.welcomed.set_result(agent_config())
    site.started.set_result(SessionAccess(ws_url="ws://media"))
    joining = asyncio.get_running_loop().create_future()
    context = SimpleNamespace(room=rtc.Room())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "Conversation", Conversation)
        conversing = asyncio.create_task(job._converse(context, metadata, site, joining))  # type: ignore[arg-type]
        await asyncio.sleep(3600)  # of virtual time
        assert not has_started.is_set()
        joining.set_result(True)

        assert await conversing == ""
    assert has_started.is_set()
