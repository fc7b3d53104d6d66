"""The order in which a job begins its conversation."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from agent import entry
from agent.assignment import Assignment
from agent.site import SiteLink, Start
from rigs.agent.reports import welcome


async def test_who_takes_over_begins_only_once_it_is_in_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told everything at once, and the framework cannot speak outside a room."""
    begun = asyncio.Event()

    class Conversation:
        def __init__(self, *_: Any) -> None:
            begun.set()

        async def run(self) -> str:
            return ""

    monkeypatch.setattr(entry, "Conversation", Conversation)
    assignment = Assignment("http://site", "session", 2, "key", hosted=False)
    site = SiteLink(assignment, "AJ_1")
    site.welcomed.set_result(welcome())
    site.started.set_result(Start("ws://media", "", ""))
    joining = asyncio.get_running_loop().create_future()
    context = SimpleNamespace(room=rtc.Room())

    conversing = asyncio.create_task(entry._converse(context, assignment, site, joining))  # type: ignore[arg-type]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not begun.is_set()
    joining.set_result(True)

    assert await conversing == ""
    assert begun.is_set()
