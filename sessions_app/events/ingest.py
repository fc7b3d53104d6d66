"""The one way in for events, from every source. What is acknowledged here is committed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from sessions_app.events.frames import Event
from sessions_app.events.turns import derive
from sessions_app.models import AvatarSession, SessionEvent

SITE = "site"


def record(session_id: int, source: str, events: Sequence[Event]) -> int:
    """Store the new ones of `events` with the turns they make, and return the number to acknowledge.

    Repeats are ignored. A jump in the sequence numbers becomes an event of the site and does not hold up the ack: the
    page no longer has the missing events.
    """
    with transaction.atomic():
        # The lock keeps the socket and the beacon of one page from deriving turns at the same time.
        session = AvatarSession.objects.select_for_update().get(pk=session_id)
        stored = SessionEvent.objects.filter(session=session, source=source)
        ack: int = stored.aggregate(last=Max("seq"))["last"] or 0
        known = set(stored.filter(seq__in=[event.seq for event in events]).values_list("seq", flat=True))
        fresh = sorted({e.seq: e for e in events if e.seq not in known}.values(), key=lambda e: e.seq)
        if not fresh:
            return ack
        SessionEvent.objects.bulk_create(_row(session, source, event) for event in fresh)
        for event in fresh:
            if event.seq > ack + 1:
                record_site_event(
                    session, "events.gap", {"source": source, "first": ack + 1, "last": event.seq - 1}
                )
            ack = max(ack, event.seq)
        derive(session, fresh)
        return ack


def last_seq(session_id: int, source: str) -> int:
    """Return the highest sequence number stored for a source, 0 for none."""
    stored = SessionEvent.objects.filter(session_id=session_id, source=source)
    return stored.aggregate(last=Max("seq"))["last"] or 0


def record_site_event(session: AvatarSession, kind: str, payload: dict[str, Any]) -> None:
    """Store an event of the site itself, with the turns it changes."""
    with transaction.atomic():
        AvatarSession.objects.select_for_update().get(pk=session.pk)
        event = Event(
            seq=last_seq(session.pk, SITE) + 1,
            type=kind,
            direction=SessionEvent.Direction.SITE,
            occurred_at=datetime.now(UTC),
            payload=payload,
        )
        _row(session, SITE, event).save()
        derive(session, [event])


def _row(session: AvatarSession, source: str, event: Event) -> SessionEvent:
    return SessionEvent(
        session=session,
        source=source,
        seq=event.seq,
        type=event.type,
        direction=event.direction,
        payload=event.payload,
        occurred_at=event.occurred_at,
    )
