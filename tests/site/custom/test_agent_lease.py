"""The lease of an agent on its conversation: renewed, lost, and taken over."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from rigs.agent.leased_agents import LITE_START, Agents, conversing, silence, told
from sessions_app.custom.lease import signed_key
from sessions_app.lifecycle.reaper import replace_lost_agents
from sessions_app.models import AgentLease, Turn

pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_agents_reports_become_turns_with_the_words_that_were_heard(
    visitor: AsyncClient, crew: Agents
) -> None:
    said = [
        ("user.speak_started", {}),
        ("user.transcription", {"text": "When do you open?"}),
        ("user.speak_ended", {}),
        ("avatar.speak_started", {}),
        ("avatar.transcription", {"text": "We open at nine on weekdays."}),
        ("avatar.speak_ended", {}),
        ("agent.answered", {"heard": "We open at", "interrupted": True, "seconds": {"e2e_latency": 0.6}}),
    ]
    events = [
        {"seq": n, "type": kind, "direction": "in", "at": 1763630000000 + n, "payload": payload}
        for n, (kind, payload) in enumerate(said, start=1)
    ]

    async with conversing(visitor, crew) as (line, _):
        await line.send_json_to({"type": "events", "events": events})
        assert await line.receive_json_from() == {"type": "ack", "ack": 7}
        await line.send_json_to({"type": "events", "events": events[5:]})
        assert await line.receive_json_from() == {"type": "ack", "ack": 7}

    turns = [(turn.role, turn.said, turn.interrupted) async for turn in crew.session.turns.all()]
    assert turns == [("user", "When do you open?", False), ("avatar", "We open at", True)]
    assert (await Turn.objects.aget(role="avatar")).text == "We open at nine on weekdays."


async def test_a_silent_agent_is_replaced_and_the_next_one_gets_the_history(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew) as (old, _):
        await Turn.objects.acreate(
            session=crew.session,
            role="user",
            number=1,
            place=1,
            text="Hello there",
            is_final=True,
            started_at=timezone.now(),
        )
        await silence(crew.session)

        assert await replace_lost_agents() == 1
        async with crew.at_work(attempt=2) as (_, welcome):
            await old.send_json_to({"type": "renew", "state": "listening"})
            assert (await old.receive_output())["code"] == 4409

        assert welcome["history"] == [{"role": "user", "text": "Hello there"}]
        assert welcome["start"] == {"ws_url": LITE_START["ws_url"]}
        assert await replace_lost_agents() == 0


async def test_two_processes_that_replace_an_agent_at_once_dispatch_one(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew):
        await silence(crew.session)

        await asyncio.gather(replace_lost_agents(), replace_lost_agents())

    assert (await AgentLease.objects.aget(session=crew.session)).attempt == 2
    assert len(await crew.dispatches()) == 1


async def test_a_renewal_keeps_the_lease(visitor: AsyncClient, crew: Agents) -> None:
    async with conversing(visitor, crew) as (line, _):
        await silence(crew.session)
        await line.send_json_to({"type": "renew", "state": "speaking"})
        await line.send_json_to({"type": "events", "events": []})
        await line.receive_json_from()

        assert await replace_lost_agents() == 0
        assert (await AgentLease.objects.aget(session=crew.session)).agent_state == "speaking"


async def test_an_agent_that_leaves_is_replaced_at_once(visitor: AsyncClient, crew: Agents) -> None:
    leaving = {"seq": 1, "type": "agent.leaving", "direction": "in", "at": 1763630000000, "payload": {}}

    async with conversing(visitor, crew) as (line, _):
        await line.send_json_to({"type": "events", "events": [leaving]})
        await line.receive_json_from()

        assert (await crew.assignment(2))["attempt"] == 2


async def test_an_agent_of_an_earlier_attempt_that_leaves_is_not_replaced_again(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew) as (line, _):
        await AgentLease.objects.filter(session=crew.session).aupdate(attempt=2)
        await line.send_json_to({"type": "events", "events": [told(1, "agent.leaving")]})
        await line.receive_json_from()
        await line.send_json_to({"type": "events", "events": []})
        await line.receive_json_from()

    assert (await AgentLease.objects.aget(session=crew.session)).attempt == 2


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"type": "hello", "key": "forged", "attempt": 1}, 4401),
        ({"type": "hello", "attempt": 1}, 4401),
        ({"type": "hello", "key": None, "attempt": "1"}, 4401),
        ({"type": "renew"}, 4400),
    ],
)
async def test_an_agent_without_a_valid_key_is_refused(
    crew: Agents, hello: dict[str, Any], code: int
) -> None:
    async with crew.line() as socket:
        await socket.send_json_to(hello)

        assert (await socket.receive_output())["code"] == code


async def test_a_key_of_another_attempt_or_session_opens_nothing(crew: Agents) -> None:
    key = signed_key(crew.session, 1)
    async with crew.line() as socket:
        await socket.send_json_to({"type": "hello", "key": key, "attempt": 2})
        assert (await socket.receive_output())["code"] == 4401

    async with crew.line() as socket:
        await socket.send_json_to({"type": "hello", "key": key, "attempt": 1})
        assert (await socket.receive_output())["code"] == 4409


async def test_a_job_that_is_offered_again_takes_over_and_all_its_events_are_stored(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew) as (old, _):
        said = [told(1, "avatar.transcription", text="We open at nine."), told(2, "avatar.speak_started")]
        await old.send_json_to({"type": "events", "events": said})
        await old.receive_json_from()

        async with crew.at_work(job="AJ_2") as (new, welcome):
            said = [told(1, "avatar.transcription", text="We have tea."), told(2, "avatar.speak_started")]
            await new.send_json_to({"type": "events", "events": said})
            assert await new.receive_json_from() == {"type": "ack", "ack": 2}
            await old.send_json_to({"type": "renew", "state": "speaking"})
            assert (await old.receive_output())["code"] == 4409
            await new.send_json_to({"type": "renew", "state": "speaking"})
            assert await new.receive_nothing()

    assert welcome["ack"] == 0
    assert welcome["history"] == [{"role": "avatar", "text": "We open at nine."}]
    turns = [(turn.said, turn.interrupted) async for turn in crew.session.turns.all()]
    assert turns == [("We open at nine.", True), ("We have tea.", False)]


async def test_an_agent_whose_socket_broke_is_replaced_before_its_lease_lapses(
    visitor: AsyncClient, crew: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.custom.lease.RETURN_WITHIN", 0.0)

    async with conversing(visitor, crew):
        assert await replace_lost_agents() == 0

    assert await replace_lost_agents() == 1


async def test_an_agent_that_reconnects_keeps_its_lease(
    visitor: AsyncClient, crew: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.custom.lease.RETURN_WITHIN", 0.0)

    async with conversing(visitor, crew):
        pass
    async with crew.at_work():
        assert await replace_lost_agents() == 0


async def test_each_unanswered_dispatch_gives_the_next_agent_more_time(
    visitor: AsyncClient, crew: Agents, settings: Any
) -> None:
    """Without more time, agents that start at once on a busy machine would all be given up too early."""

    async def replaced_after(seconds: int) -> int:
        past = timezone.now() - timedelta(seconds=seconds)
        await AgentLease.objects.filter(session=crew.session).aupdate(dispatched_at=past)
        return await replace_lost_agents()

    async with conversing(visitor, crew):
        settings.AGENT_HELLO_WITHIN = 10
        await silence(crew.session)
        assert await replace_lost_agents() == 1

        assert [await replaced_after(seconds) for seconds in (9, 11)] == [0, 1]
        assert [await replaced_after(seconds) for seconds in (19, 21)] == [0, 1]
        assert [await replaced_after(seconds) for seconds in (29, 31, 29, 31)] == [0, 1, 0, 1]
        async with crew.at_work(attempt=6):
            await silence(crew.session)
            assert await replace_lost_agents() == 1
        assert [await replaced_after(seconds) for seconds in (9, 11)] == [0, 1]
