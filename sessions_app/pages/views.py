"""The visitor's pages and the calls of the session page. A GET only shows; what may cost money is a POST."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from liveavatar import LiveAvatarError
from sessions_app.admission.rate_limit import WINDOW, may_start
from sessions_app.clients import avatar_service
from sessions_app.end_reasons import EndReason, known_reason
from sessions_app.events import ingest
from sessions_app.events.frames import InvalidFrame, parse_events, parse_frame, parse_source, refusal
from sessions_app.lifecycle.presence import presence
from sessions_app.lifecycle.starting import StartRefused, end_session, follow, start_session
from sessions_app.lifecycle.user_errors import explain
from sessions_app.models import AvatarSession, StartMode
from sessions_app.pages.choices import Catalog, load_catalog
from sessions_app.pages.forms import StartForm, VisitForm, first_choices
from sessions_app.pages.visitors import own_session, visitor_of
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
async def lobby(request: HttpRequest) -> HttpResponse:
    return await _choice_page(request, "sessions_app/lobby.html", StartForm)


@never_cache
@require_GET
async def visit(request: HttpRequest) -> HttpResponse:
    """The landing of an on-visit start: a form with everything chosen, which the page's script posts once."""
    return await _choice_page(request, "sessions_app/visit.html", VisitForm)


@require_POST
async def create(request: HttpRequest) -> HttpResponse:
    """Write down the session a form asks for, and go to its page, which starts it."""
    visitor = await visitor_of(request)
    choice = request.POST.copy()
    try:
        request_id = UUID(choice.get("request_id", ""))
    except ValueError:
        choice["request_id"] = str(uuid4())  # a damaged form is no reason to turn a visitor away
    else:
        asked = await AvatarSession.objects.owned_by(visitor).filter(request_id=request_id).afirst()
        if asked is not None:
            return redirect("sessions:session", key=asked.key)
    try:
        catalog = await load_catalog(avatar_service())
    except LiveAvatarError as error:
        return _lobby_in_trouble(request, error)
    kind = VisitForm if choice.get("start_mode") == StartMode.VISIT else StartForm
    form = kind(catalog, choice)
    if not form.is_valid():
        return _page(request, "sessions_app/lobby.html", form, status=422)
    if not await may_start(request):
        response = await sync_to_async(render)(request, "429.html", status=429)
        response["Retry-After"] = str(WINDOW)
        return response
    if await AvatarSession.objects.open().acount() >= settings.MAX_OPEN_SESSIONS:
        form.add_error(None, "All avatars are talking right now. Please try again in a few minutes.")
        return _page(request, "sessions_app/lobby.html", form, status=503)
    session = await _write_session(form.cleaned_data, visitor, catalog)
    presence.expect(session.pk)
    return redirect("sessions:session", key=session.key)


@never_cache
@require_GET
async def session_page(request: HttpRequest, key: UUID) -> HttpResponse:
    session = await own_session(request, key)
    turns = [
        {
            "role": turn.role,
            "text": turn.said,
            "at": round(turn.started_at.timestamp() * 1000),
            "interrupted": turn.interrupted,
        }
        async for turn in session.turns.all()
        if turn.said
    ]
    again = {name: getattr(session, name) for name in CHOICES}
    context = {"session": session, "page": _page_data(request, session, turns, again), "turns": turns}
    return await sync_to_async(render)(request, "sessions_app/session.html", context)


@never_cache
@require_POST
async def start(request: HttpRequest, key: UUID) -> JsonResponse:
    """Start the session, or answer again what it was started with: a page may reload."""
    session = await own_session(request, key)
    try:
        session = await start_session(session, service=avatar_service())
    except StartRefused as refused:
        trouble = refused.trouble
        error = {"code": trouble.code, "message": trouble.message, "retry": trouble.retry}
        return JsonResponse({"error": error}, status=409 if trouble.code == "session.ended" else 502)
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
    await end_session(session, reason, service=avatar_service(), detail=detail)
    if not by_script:
        return redirect("sessions:session", key=key)
    await session.arefresh_from_db()
    return JsonResponse(
        {"state": session.state, "end_reason": session.end_reason, "end_text": session.end_text}
    )


@never_cache
@require_POST
async def ticket(request: HttpRequest, key: UUID) -> JsonResponse:
    session = await own_session(request, key)
    return JsonResponse({"ticket": await tickets.issue(session), "expires_in": tickets.LIFETIME.seconds})


@require_POST
async def beacon(request: HttpRequest, key: UUID) -> HttpResponse:
    """The last words of a page that goes away: what was not acknowledged, and that it leaves."""
    session = await own_session(request, key)
    try:
        frame = parse_frame(request.POST.get("frame", ""))
        source = parse_source(frame.get("source"))
        events, refused = parse_events(frame)
    except InvalidFrame as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    await sync_to_async(ingest.record)(session.pk, source, [*events, *map(refusal, refused)])
    await follow(session, events, service=avatar_service())
    if request.POST.get("leaving"):
        presence.expect(session.pk)
    return HttpResponse(status=204)


WRITTEN = ("avatar_id", "voice_id", "language", "context_id", "quality", "interactivity")
CHOICES = (*WRITTEN, "answerer")


async def _choice_page(request: HttpRequest, template: str, kind: type[StartForm]) -> HttpResponse:
    try:
        catalog = await load_catalog(avatar_service())
    except LiveAvatarError as error:
        return _lobby_in_trouble(request, error)
    initial: dict[str, Any] = first_choices(catalog)
    initial |= {name: request.GET[name] for name in (*CHOICES, "start_mode") if name in request.GET}
    initial["request_id"] = uuid4()
    if kind is VisitForm:
        initial["start_mode"] = StartMode.VISIT
    return _page(request, template, kind(catalog, initial=initial))


def _page(request: HttpRequest, template: str, form: StartForm, status: int = 200) -> HttpResponse:
    chosen = {name: form[name].value() or "" for name in CHOICES if name in form.fields}
    context = {
        "form": form,
        "trouble": "",
        "simulated": settings.SIMULATED,
        "visit_url": f"{reverse('sessions:visit')}?{urlencode(chosen)}",
    }
    return render(request, template, context, status=status)


def _lobby_in_trouble(request: HttpRequest, error: LiveAvatarError) -> HttpResponse:
    context = {"form": None, "trouble": explain(error).message, "simulated": settings.SIMULATED}
    return render(request, "sessions_app/lobby.html", context, status=503)


async def _write_session(choice: dict[str, Any], visitor: UUID, catalog: Catalog) -> AvatarSession:
    avatar = catalog.avatar(choice["avatar_id"])
    assert avatar is not None  # the form accepts only avatars of the catalog
    session, _ = await AvatarSession.objects.aget_or_create(
        visitor=visitor,
        request_id=choice["request_id"],
        defaults={
            **{name: choice[name] for name in (*WRITTEN, "start_mode")},
            "mode": choice["answerer"].mode,
            "room_kind": choice["answerer"].room_kind,
            "avatar_name": avatar.name,
            "preview_url": avatar.preview_url or "",
            "sandbox": settings.LIVEAVATAR_SANDBOX,
        },
    )
    return session


def _page_data(
    request: HttpRequest, session: AvatarSession, turns: list[dict[str, Any]], again: dict[str, str]
) -> dict[str, Any]:
    """What the page's script needs. Tokens are not among it: they are answers to a POST."""
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
        "turns": turns,
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
