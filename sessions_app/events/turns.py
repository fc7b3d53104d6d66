"""Store the turns of a session as rows. What a turn is, `sessions_app.events.reducer` decides."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Max

from sessions_app.events import turn_state
from sessions_app.events.frames import Event
from sessions_app.events.reducer import TYPES, Reducer
from sessions_app.events.turn_state import State
from sessions_app.models import AvatarSession, SessionEvent, Turn, TurnState

BATCH = 500  # events that a rebuild holds in memory
WRITTEN = [
    "place",
    "role",
    "origin",
    "source_event_id",
    "text",
    "is_final",
    "heard",
    "sounded",
    "interrupted",
    "started_at",
    "ended_at",
]


def derive(session: AvatarSession, events: Iterable[Event]) -> None:
    """Write the turns that newly stored events make. Runs in the transaction that stores them, under its lock.

    Takes at most five queries, and none when no event concerns a turn.
    """
    relevant = [event for event in events if _concerns_turns(session, event)]
    if not relevant:
        return
    reduction = Reducer(_load(session))
    _apply(reduction, relevant)
    if reduction.applied:
        _write(session, reduction)
        _save(session, reduction.state)


def rebuild(session_id: int) -> int | None:
    """Derive the turns of a session again, from its events in the order in which they were stored.

    Returns how many turns it has. Returns None and changes nothing when the session has no events.
    """
    with transaction.atomic():
        session = AvatarSession.objects.select_for_update().filter(pk=session_id).first()
        if session is None or not session.events.exists():
            return None
        reduction, numbers, last = Reducer(), set[int](), 0
        while events := list(session.events.filter(pk__gt=last, type__in=TYPES).order_by("pk")[:BATCH]):
            _apply(reduction, [event for event in events if _concerns_turns(session, event)])
            numbers.difference_update(reduction.changed)
            numbers.update(_write(session, reduction))
            reduction.changed.clear()
            last = events[-1].pk
        session.turns.exclude(number__in=numbers).delete()
        _save(session, reduction.state)
        return len(numbers)


def _concerns_turns(session: AvatarSession, event: Event | SessionEvent) -> bool:
    # Our agent goes on reporting while a page loads, so nothing of its answer is missed.
    return event.type in TYPES and not (session.is_custom and event.type == "page.room_joined")


def _apply(reduction: Reducer, events: Iterable[Event | SessionEvent]) -> None:
    for event in events:
        at = round(event.occurred_at.timestamp() * 1000)
        reduction.apply(event.direction, event.type, event.payload, at)


def _load(session: AvatarSession) -> State:
    stored = TurnState.objects.filter(session=session).values_list("state", flat=True).first()
    if stored is not None:
        return State.load(stored)
    last = session.turns.aggregate(number=Max("number"))["number"]
    return State(next=(last or 0) + 1)


def _save(session: AvatarSession, state: State) -> None:
    TurnState.objects.bulk_create(
        [TurnState(session_id=session.pk, state=state.dump())],
        update_conflicts=True,
        unique_fields=["session"],
        update_fields=["state"],
    )


def _write(session: AvatarSession, reduction: Reducer) -> set[int]:
    """Write the changed turns, and return their numbers. A turn without words has no row."""
    spoken = [turn for turn in reduction.changed.values() if turn.text or turn.heard]
    wordless = [turn.number for turn in reduction.changed.values() if not (turn.text or turn.heard)]
    if wordless:
        session.turns.filter(number__in=wordless).delete()
    Turn.objects.bulk_create(
        [_row(session, turn) for turn in spoken],
        update_conflicts=True,
        unique_fields=["session", "number"],
        update_fields=WRITTEN,
    )
    return {turn.number for turn in spoken}


def _row(session: AvatarSession, turn: turn_state.Turn) -> Turn:
    return Turn(
        session=session,
        number=turn.number,
        place=turn.place,
        role=turn.role,
        origin=turn.origin,
        source_event_id=turn.source,
        text=turn.text,
        is_final=turn.final,
        heard=turn.heard,
        sounded=turn.sounded or turn.role == turn_state.USER,
        interrupted=turn.role == turn_state.AVATAR and bool(turn.cut),
        started_at=_moment(turn.began),
        ended_at=None if turn.ended is None else _moment(turn.ended),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
