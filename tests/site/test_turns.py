"""Turns as rows: stored with their events, the same however the events come, and the same when derived again."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from rigs.turn_cases import Case, Told, cases
from rigs.vendor import Vendor
from sessions_app.events import turns
from sessions_app.events.frames import Event
from sessions_app.events.ingest import record, record_site_event
from sessions_app.events.reducer import ID
from sessions_app.events.turn_state import State
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession, Mode, Turn, TurnState

pytestmark = pytest.mark.django_db

CASES = cases()
TABS = ("page-1111", "page-2222")


def new_session(**members: Any) -> AvatarSession:
    return AvatarSession.objects.create(visitor=uuid4(), avatar_id="a", avatar_name="Ava", **members)


def event(seq: int, told: Told) -> Event:
    return Event(seq, told.type, told.direction, datetime.fromtimestamp(told.at / 1000, UTC), told.payload)


def say(session: AvatarSession, *told: tuple[str, dict[str, Any]], source: str = "page-1111") -> None:
    """Store events of the service, in one batch, one second apart."""
    events = [event(n, Told("in", type_, payload, n * 1000)) for n, (type_, payload) in enumerate(told, 1)]
    record(session.pk, source, events)


def has_id(told: Told) -> bool:
    event_id = told.payload.get("event_id")
    return isinstance(event_id, str) and ID.fullmatch(event_id) is not None


def batches(case: Case, chance: random.Random) -> Iterator[tuple[str, list[Event]]]:
    """The case as two tabs report it: each batch from one of them, some events from both, some batches twice."""
    numbers = {tab: count(1) for tab in TABS}
    waiting = list(case.events)
    while waiting:
        size = 1 if waiting[0].direction == "site" else chance.randint(1, 5)
        told = waiting[:size]
        told = told[: next((n for n, each in enumerate(told) if n and each.direction == "site"), size)]
        del waiting[: len(told)]
        tab, other = chance.sample(TABS, 2)
        batch = [event(next(numbers[tab]), each) for each in told]
        yield tab, batch
        if chance.random() < 0.3:
            yield tab, batch
        if repeated := [each for each in told if has_id(each)]:
            yield other, [event(next(numbers[other]), each) for each in repeated]


def tell_the_site(session: AvatarSession, case: Case, chance: random.Random) -> None:
    for source, batch in batches(case, chance):
        if batch[0].direction == "site":
            record_site_event(session, batch[0].type, batch[0].payload)
        else:
            record(session.pk, source, batch)


def rows(session: AvatarSession) -> list[dict[str, Any]]:
    return [{**row} for row in session.turns.values()]


def state_of(session: AvatarSession) -> State:
    stored = TurnState.objects.filter(session=session).first()
    return State.load(stored.state if stored else {})


def shown(turn: Turn) -> dict[str, Any]:
    """A row in the words of a case."""
    words: dict[str, Any] = {"typed" if turn.origin == Turn.Origin.TYPED else turn.role: turn.said}
    words |= {"open": True} if turn.ended_at is None else {}
    words |= {} if turn.is_final else {"unfinished": True}
    words |= {"interrupted": True} if turn.interrupted else {}
    words |= {"text": turn.text} if turn.text not in {"", turn.said} else {}
    heard = turn.heard.strip()
    return words | ({"heard": heard} if heard not in {"", turn.said} else {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_in_whatever_batches_its_events_come_a_sequence_gives_its_turns_and_so_does_a_rebuild(
    case: Case,
) -> None:
    chance = random.Random(case.name)
    for _ in range(2):
        session = new_session()
        tell_the_site(session, case, chance)
        live, state = rows(session), state_of(session)

        assert [shown(turn) for turn in session.turns.all()] == case.turns
        assert turns.rebuild(session.pk) == len(live)
        assert rows(session) == live
        assert state_of(session) == state


def test_a_rebuild_corrects_what_an_older_definition_made_and_reads_the_events_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "BATCH", 2)
    session = new_session()
    say(
        session,
        ("avatar.speak_started", {}),
        ("avatar.transcription.chunk", {"text": "One"}),
        ("avatar.transcription.chunk", {"text": " two."}),
        ("avatar.transcription", {"text": "One two."}),
        ("avatar.speak_ended", {}),
    )
    right = rows(session)
    session.turns.update(text="OneOne two.", interrupted=True)
    session.turns.create(number=2, place=2, role="avatar", text="A ghost.", started_at=datetime.now(UTC))
    TurnState.objects.all().delete()

    call_command("rebuild_turns", str(session.key))

    assert rows(session) == right


def test_rebuilding_all_leaves_sessions_without_events_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told, untold = new_session(), new_session()
    say(told, ("user.transcription", {"text": "Hello."}))
    untold.turns.create(number=1, place=1, role="user", text="Kept.", started_at=datetime.now(UTC))

    call_command("rebuild_turns", "--all")

    assert capsys.readouterr().out == "1 sessions rebuilt; 1 have no events and stay as they are\n"
    assert [turn.said for turn in Turn.objects.order_by("session_id")] == ["Hello.", "Kept."]


def test_a_rebuild_of_an_unknown_session_says_which() -> None:
    key = uuid4()

    with pytest.raises(CommandError, match=str(key)):
        call_command("rebuild_turns", str(key))
    with pytest.raises(CommandError):
        call_command("rebuild_turns")


def test_a_batch_takes_as_many_queries_with_fifty_events_as_with_one() -> None:
    taken = []
    for size in (1, 50):
        session = new_session()
        say(session, ("avatar.speak_started", {}), ("avatar.transcription.chunk", {"text": "Well"}))
        words = [
            event(seq, Told("in", "avatar.transcription.chunk", {"text": f" {seq}"}, seq * 1000))
            for seq in range(3, 3 + size)
        ]
        with CaptureQueriesContext(connection) as queries:
            record(session.pk, "page-1111", words)
        taken.append([query["sql"] for query in queries])

    assert len(taken[0]) == len(taken[1])
    assert len([sql for sql in taken[1] if "sessions_app_turn" in sql]) <= 5


def test_events_that_concern_no_turn_read_and_write_no_turn() -> None:
    session = new_session()
    quality = Event(1, "page.quality", "page", datetime.now(UTC), {"quality": "good"})

    with CaptureQueriesContext(connection) as queries:
        record(session.pk, "page-1111", [quality])

    assert not [query["sql"] for query in queries if "sessions_app_turn" in query["sql"]]


def test_turns_of_a_session_that_began_before_turns_had_a_state_go_on_behind_the_old_ones() -> None:
    session = new_session()
    session.turns.create(number=1, place=1, role="avatar", text="Welcome.", started_at=datetime.now(UTC))

    say(session, ("user.transcription", {"text": "Hello."}))

    assert [(turn.number, turn.said) for turn in session.turns.all()] == [(1, "Welcome."), (2, "Hello.")]


def test_turns_are_read_in_their_order_and_not_by_the_clocks_of_those_that_report_them() -> None:
    session = new_session(mode=Mode.CUSTOM)
    answer = {"text": "At nine.", "source_event_id": "c1"}
    late = Told("out", "avatar.speak_response", {"event_id": "c1", "text": "When do you open?"}, 9_000_000)

    say(session, ("avatar.speak_started", answer), ("avatar.transcription", answer), source="agent-1-AJ_1")
    record(session.pk, "page-1111", [event(1, late)])

    assert [turn.said for turn in session.turns.all()] == ["When do you open?", "At nine."]


def test_a_page_that_joins_does_not_make_an_answer_doubtful_that_our_agent_reports() -> None:
    session = new_session(mode=Mode.CUSTOM)
    say(
        session,
        ("avatar.speak_started", {}),
        ("avatar.transcription", {"text": "We open at nine."}),
        source="agent-1-AJ_1",
    )
    record(session.pk, "page-1111", [event(1, Told("page", "page.room_joined", {}, 3000))])
    record(session.pk, "agent-1-AJ_1", [event(3, Told("in", "user.speak_started", {}, 9000))])

    assert [turn.interrupted for turn in session.turns.all()] == [True]


def test_what_was_never_said_is_not_counted() -> None:
    session = new_session()
    say(session, ("avatar.transcription", {"text": "Queued."}), ("user.speak_started", {}))

    assert [(turn.text, turn.said) for turn in session.turns.all()] == [("Queued.", "")]
    assert AvatarSession.objects.with_turns().get(pk=session.pk).turn_count == 0  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_is_loaded_again_gets_the_turns_and_what_may_still_change_them(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    created = await visitor.post("/sessions/", choice)
    session = await AvatarSession.objects.aget(key=created.headers["Location"].split("/")[2])
    tell = sync_to_async(say)
    await tell(
        session, ("user.transcription", {"text": "Hi"}), ("avatar.transcription.chunk", {"text": "He"})
    )

    page = (await visitor.get(f"/sessions/{session.key}/")).content.decode()
    facts = json.loads(page.partition('id="page-data" type="application/json">')[2].partition("</script>")[0])

    assert [(t["number"], t["place"], t["role"], t["text"]) for t in facts["turns"]] == [
        (1, 1, "user", "Hi"),
        (2, 2, "avatar", "He"),
    ]
    stored = await TurnState.objects.aget(session=session)
    assert facts["turn_state"] == {**stored.state, "seen": []}
    assert facts["turn_state"]["turns"][-1]["ended"] is None


@pytest.mark.django_db(transaction=True)
def test_turns_from_before_they_had_numbers_keep_their_order() -> None:
    before, after = [("sessions_app", name) for name in ("0003_agents_and_staff", "0004_turn_order")]
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([before])
    old = executor.loader.project_state([before]).apps
    try:
        moments = [datetime(2026, 1, 1, minute=minute, tzinfo=UTC) for minute in range(3)]
        for first in (0, 1):
            session = old.get_model("sessions_app", "AvatarSession").objects.create(
                visitor=uuid4(), avatar_id="a"
            )
            for minute in (1, 0, 2)[first:]:
                old.get_model("sessions_app", "Turn").objects.create(
                    session=session, role="user", text=str(minute), started_at=moments[minute]
                )
        executor = MigrationExecutor(connection)
        executor.migrate([after])
    finally:
        MigrationExecutor(connection).migrate(latest)

    read = [
        [(turn.number, turn.place, turn.text) for turn in session.turns.all()]
        for session in AvatarSession.objects.order_by("pk")
    ]
    assert read == [[(1, 1, "0"), (2, 2, "1"), (3, 3, "2")], [(1, 1, "0"), (2, 2, "2")]]
