"""The admin: what staff see, and what they may not do."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from sessions_app.end_reasons import EndReason
from sessions_app.events.frames import Event
from sessions_app.events.ingest import record
from sessions_app.models import AvatarSession
from sessions_app.states import State

pytestmark = pytest.mark.django_db

LIST = "/admin/sessions_app/avatarsession/"


@pytest.fixture
def talked(db: None) -> AvatarSession:
    """An ended session with one typed question, in markup, and one interrupted answer."""
    session = AvatarSession.objects.create(
        visitor=uuid4(),
        avatar_id="a",
        avatar_name="Ava",
        state=State.ENDED,
        end_reason=EndReason.USER_CLOSED,
        remote_id="remote-1",
        started_at=datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
        ended_at=datetime(2026, 1, 1, 12, 2, 5, tzinfo=UTC),
        room_token="canary-room-token",
        session_token="canary-session-token",
    )
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("out", "avatar.speak_response", {"text": '<script>alert("x")</script>'}),
        ("in", "avatar.speak_started", {}),
        ("in", "avatar.transcription.chunk", {"text": "I am"}),
        ("out", "avatar.interrupt", {}),
        ("in", "avatar.transcription", {"text": "I am not impressed."}),
        ("in", "avatar.speak_ended", {}),
    ]
    now = datetime.now(UTC)
    record(session.pk, "page-1111", [Event(n, t, d, now, p) for n, (d, t, p) in enumerate(steps, 1)])
    return session


@pytest.fixture
def reader(db: None) -> Client:
    """A member of staff who may see the list of sessions but no transcript."""
    user = User.objects.create_user("reader", password="a long password", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_avatarsession"))
    client = Client()
    client.force_login(user)
    return client


def test_the_list_shows_how_each_session_went(admin_client: Client, talked: AvatarSession) -> None:
    page = admin_client.get(LIST).content.decode()

    assert all(text in page for text in ("Ava", "ended by the visitor", "2:05", str(talked.key)[:8]))
    assert '<td class="field-turn_count">2</td>' in page


@pytest.mark.parametrize(
    "query",
    ["state__exact=ended", "mode__exact=FULL", "end_reason__exact=USER_CLOSED", "start_mode__exact=click"],
)
def test_the_list_can_be_filtered(admin_client: Client, talked: AvatarSession, query: str) -> None:
    page = admin_client.get(f"{LIST}?{query}").content.decode()

    assert str(talked.key)[:8] in page


def test_a_session_is_found_by_its_ids(admin_client: Client, talked: AvatarSession) -> None:
    for term in (str(talked.key), "remote-1", "ava"):
        assert str(talked.key)[:8] in admin_client.get(LIST, {"q": term}).content.decode()
    assert str(talked.key)[:8] not in admin_client.get(LIST, {"q": "Eve"}).content.decode()


def test_the_transcript_shows_the_turns_and_the_raw_events(
    admin_client: Client, talked: AvatarSession
) -> None:
    page = admin_client.get(f"{LIST}{talked.pk}/transcript/").content.decode()

    assert "I am not impressed." in page
    assert "interrupted" in page
    assert "avatar.transcription.chunk" in page


def test_a_visitors_markup_is_shown_as_text(admin_client: Client, talked: AvatarSession) -> None:
    page = admin_client.get(f"{LIST}{talked.pk}/transcript/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_no_secret_of_a_session_reaches_the_admin(admin_client: Client, talked: AvatarSession) -> None:
    for path in (LIST, f"{LIST}{talked.pk}/transcript/", f"{LIST}{talked.pk}/change/"):
        page = admin_client.get(path).content.decode()
        assert "canary" not in page


def test_reading_a_transcript_needs_its_own_permission(reader: Client, talked: AvatarSession) -> None:
    assert reader.get(LIST).status_code == 200
    assert reader.get(f"{LIST}{talked.pk}/transcript/").status_code == 403
    assert reader.get(f"{LIST}{talked.pk}/change/").status_code == 403


def test_a_visitor_is_sent_to_the_login(client: Client, talked: AvatarSession) -> None:
    response = client.get(f"{LIST}{talked.pk}/transcript/")

    assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, "/admin/login/")


def test_nothing_can_be_added_changed_or_deleted(admin_client: Client, talked: AvatarSession) -> None:
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{talked.pk}/delete/", {"post": "yes"}).status_code == 403
    admin_client.post(f"{LIST}{talked.pk}/change/", {"avatar_name": "Eve"})

    talked.refresh_from_db()
    assert talked.avatar_name == "Ava"
