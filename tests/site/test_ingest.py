"""Storing events: each one once, in order, and with a note of every gap."""

from datetime import UTC, datetime

import pytest

from sessions_app.events.frames import Event
from sessions_app.events.ingest import last_seq, record, record_site_event
from sessions_app.models import AvatarSession, SessionEvent

pytestmark = pytest.mark.django_db(transaction=True)


def event(seq: int, kind: str = "page.quality", direction: str = "page", **payload: object) -> Event:
    return Event(seq, kind, direction, datetime.now(UTC), payload)


def stored(session: AvatarSession) -> list[tuple[str, int, str]]:
    return list(session.events.values_list("source", "seq", "type"))


def test_repeats_are_acknowledged_and_stored_once(session: AvatarSession) -> None:
    first = record(session.pk, "page-1111", [event(1), event(2)])
    again = record(session.pk, "page-1111", [event(1), event(2), event(3)])

    assert (first, again) == (2, 3)
    assert stored(session) == [("page-1111", number, "page.quality") for number in (1, 2, 3)]


def test_two_pages_of_one_session_number_their_events_separately(session: AvatarSession) -> None:
    assert record(session.pk, "page-1111", [event(1)]) == 1
    assert record(session.pk, "page-2222", [event(1)]) == 1

    assert session.events.count() == 2


@pytest.mark.parametrize(("following", "last"), [(3, 2), (5, 4)], ids=["one lost event", "three lost events"])
def test_lost_events_are_noted_as_a_gap_and_acknowledged(
    session: AvatarSession, following: int, last: int
) -> None:
    ack = record(session.pk, "page-1111", [event(1), event(following)])

    gap = session.events.get(type="events.gap")
    assert ack == following
    assert (gap.source, gap.payload) == ("site", {"source": "page-1111", "first": 2, "last": last})


def test_consecutive_events_leave_no_gap(session: AvatarSession) -> None:
    record(session.pk, "page-1111", [event(1)])
    record(session.pk, "page-1111", [event(2), event(3)])

    assert not session.events.filter(type="events.gap").exists()


def test_an_event_that_comes_late_into_a_gap_is_stored(session: AvatarSession) -> None:
    record(session.pk, "page-1111", [event(3)])

    ack = record(session.pk, "page-1111", [event(2)])

    assert ack == 3
    assert ("page-1111", 2, "page.quality") in stored(session)


def test_a_frame_out_of_order_is_stored_in_order(session: AvatarSession) -> None:
    record(session.pk, "page-1111", [event(2), event(1), event(2)])

    assert [seq for _, seq, _ in stored(session)] == [1, 2]


def test_turns_are_made_once_however_often_their_events_come(session: AvatarSession) -> None:
    events = [event(1, "avatar.speak_started", "in"), event(2, "avatar.transcription.chunk", "in", text="Hi")]

    record(session.pk, "page-1111", events)
    record(session.pk, "page-1111", events)
    record(session.pk, "page-1111", [event(3, "avatar.transcription.chunk", "in", text=" you")])

    assert [turn.said for turn in session.turns.all()] == ["Hi you"]


def test_the_sites_own_notes_are_numbered_too(session: AvatarSession) -> None:
    record_site_event(session, "session.started", {"by": "site"})
    record_site_event(session, "session.ended", {"reason": "STAFF"})

    assert stored(session) == [("site", 1, "session.started"), ("site", 2, "session.ended")]
    assert last_seq(session.pk, "site") == 2


def test_nothing_is_stored_when_the_turns_cannot_be_made(
    session: AvatarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("sessions_app.events.ingest.derive", fail)

    with pytest.raises(RuntimeError):
        record(session.pk, "page-1111", [event(1)])
    assert not SessionEvent.objects.exists()
