"""A session's page and its calls: start, stop, ticket, and the beacon of a page that goes away."""

import json
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from sessions_app.end_reasons import EndReason, known_reason
from sessions_app.events import ingest
from sessions_app.events.frames import InvalidFrame, parse_events, parse_frame, parse_source, refusal
from sessions_app.lifecycle.ending import end_session
from sessions_app.lifecycle.outcome import StartRefused
from sessions_app.lifecycle.presence import presence
from sessions_app.lifecycle.reported import apply_page_events, vendors_reason
from sessions_app.lifecycle.starting import start_session
from sessions_app.models import AvatarSession, TurnState
from sessions_app.pages.forms import CHOICES
from sessions_app.pages.visitors import own_session
from sessions_app.sockets import tickets
from sessions_app.states import State

STOP_REASONS = {
    "user": EndReason.USER_CLOSED,
    "cancelled": EndReason.CANCELLED,
    "room_lost": EndReason.ROOM_LOST,
    "start_failed": EndReason.START_FAILED,
}


@never_cache
@require_GET
async def session_page(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the session: before, during or after the conversation."""
    session = await own_session(request, key)
    turns = [
        {
            "number": turn.number,
            "place": turn.place,
            "role": turn.role,
            "text": turn.said,
            "at": round(turn.started_at.timestamp() * 1000),
            "interrupted": turn.interrupted,
        }
        async for turn in session.turns.all()
        if turn.said
    ]
    again = {name: getattr(session, name) for name in CHOICES}
    page = _page_data(request, session, again) | {"turns": turns, "turn_state": await _turn_state(session)}
    context = {"session": session, "page": page, "turns": turns}
    return await sync_to_async(render)(request, "sessions_app/session.html", context)


@never_cache
@require_POST
async def start(request: HttpRequest, key: UUID) -> JsonResponse:
    """Start the session, or repeat the answer of its start: a page may reload."""
    session = await own_session(request, key)
    try:
        session = await start_session(session)
    except StartRefused as refused:
        error = asdict(refused.error)
        return JsonResponse({"error": error}, status=409 if refused.error.code == "session.ended" else 502)
    presence.expect(session.pk)
    if session.is_browser_managed:
        return JsonResponse(
            {
                "state": session.state,
                "api_url": settings.LIVEAVATAR_API_URL,
                "session_token": session.session_token,
            }
        )
    return JsonResponse(
        {
            "state": session.state,
            "livekit_url": session.room_url,
            "livekit_client_token": session.room_token,
            "max_session_duration": session.max_duration,
        }
    )


@require_POST
async def stop(request: HttpRequest, key: UUID) -> HttpResponse:
    """End the session. Called by the page's script, or by its plain form."""
    session = await own_session(request, key)
    by_script = request.content_type == "application/json"
    reason, detail = _stop_reason(request) if by_script else (EndReason.USER_CLOSED, "")
    if session.state == State.CREATED or session.state == State.STARTING:
        reason = EndReason.CANCELLED if reason == EndReason.USER_CLOSED else reason
    elif reason == EndReason.ROOM_LOST and session.is_open:
        # The room may close before `session.stopped` arrives in it. The vendor knows why it closed the room.
        reason = await vendors_reason(session) or reason
    await end_session(session, reason, detail=detail)
    if not by_script:
        return redirect("sessions:session", key=key)
    await session.arefresh_from_db()
    return JsonResponse(
        {"state": session.state, "end_reason": session.end_reason, "end_text": session.end_text}
    )


@never_cache
@require_POST
async def ticket(request: HttpRequest, key: UUID) -> JsonResponse:
    """Issue a ticket for one websocket."""
    session = await own_session(request, key)
    return JsonResponse({"ticket": await tickets.issue(session), "expires_in": tickets.LIFETIME.seconds})


@require_POST
async def beacon(request: HttpRequest, key: UUID) -> HttpResponse:
    """Store the unacknowledged events of a page that goes away, and begin its grace."""
    session = await own_session(request, key)
    try:
        frame = parse_frame(request.POST.get("frame", ""))
        source = parse_source(frame.get("source"))
        events, refused = parse_events(frame)
    except InvalidFrame as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    await sync_to_async(ingest.record)(session.pk, source, [*events, *map(refusal, refused)])
    await apply_page_events(session, events)
    if request.POST.get("leaving"):
        presence.expect(session.pk)
    return HttpResponse(status=204)


async def _turn_state(session: AvatarSession) -> dict[str, Any] | None:
    """Return the state from which a page that is loaded in mid-conversation continues."""
    stored = await TurnState.objects.filter(session=session).afirst()
    return None if stored is None else {**stored.state, "seen": []}  # no packet of the room reaches two pages


def _page_data(request: HttpRequest, session: AvatarSession, again: dict[str, str]) -> dict[str, Any]:
    """Return what the page's script needs. Tokens are not part of it: only a POST answers with them."""
    urls = {
        name: reverse(f"sessions:{name}", kwargs={"key": session.key})
        for name in ("start", "stop", "ticket", "beacon")
    }
    return {
        "key": str(session.key),
        "mode": session.mode,
        "start_mode": session.start_mode,
        "state": session.state,
        "end_reason": session.end_reason,
        "end_text": session.end_text,
        "avatar": {"name": session.avatar_name, "preview_url": session.preview_url},
        "interactivity": session.interactivity,
        "language": session.language,
        "quality": session.quality,
        "csrf_token": get_token(request),
        "urls": {
            **urls,
            "socket": f"/ws/sessions/{session.key}/",
            "lobby": f"{reverse('sessions:lobby')}?{urlencode(again)}",
        },
        "max_duration": session.max_duration,
        "started_at": round(session.started_at.timestamp() * 1000) if session.started_at else None,
        "debug": settings.DEBUG,
    }


def _stop_reason(request: HttpRequest) -> tuple[EndReason, str]:
    try:
        asked = json.loads(request.body or b"{}")
    except ValueError:
        asked = {}
    if not isinstance(asked, dict):
        asked = {}
    name, detail = str(asked.get("reason", "user")), str(asked.get("detail", ""))[:500]
    if name == "service_stopped":
        return known_reason(detail), ""
    return STOP_REASONS.get(name, EndReason.USER_CLOSED), detail
