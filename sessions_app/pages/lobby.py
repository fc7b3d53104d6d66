"""The lobby: a visitor chooses, and the site writes the session that its page will start."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from liveavatar import LiveAvatarError
from sessions_app.admission.rate_limit import WINDOW, may_start
from sessions_app.lifecycle.presence import presence
from sessions_app.lifecycle.user_errors import describe_error
from sessions_app.models import AvatarSession, StartMode
from sessions_app.pages.choices import Choices, load_choices
from sessions_app.pages.forms import CHOICES, COLUMNS, StartForm, VisitForm, first_choices
from sessions_app.pages.visitors import visitor_of


@never_cache
@require_GET
async def lobby(request: HttpRequest) -> HttpResponse:
    """Show the choices."""
    return await _choice_page(request, "sessions_app/lobby.html", StartForm)


@never_cache
@require_GET
async def visit(request: HttpRequest) -> HttpResponse:
    """Show a form with every choice made, which the page's script posts once: a start on visit."""
    return await _choice_page(request, "sessions_app/visit.html", VisitForm)


@require_POST
async def create(request: HttpRequest) -> HttpResponse:
    """Write the session that a form asks for, and go to its page, which starts it."""
    visitor = await visitor_of(request)
    choice = request.POST.copy()
    try:
        request_id = UUID(choice.get("request_id", ""))
    except ValueError:
        choice["request_id"] = str(uuid4())  # accept a damaged form, without protection from double clicks
    else:
        known = await AvatarSession.objects.owned_by(visitor).filter(request_id=request_id).afirst()
        if known is not None:
            return redirect("sessions:session", key=known.key)
    try:
        choices = await load_choices()
    except LiveAvatarError as error:
        return _lobby_without_choices(request, error)
    form_class = VisitForm if choice.get("start_mode") == StartMode.VISIT else StartForm
    form = form_class(choices, choice)
    if not form.is_valid():
        return _form_page(request, "sessions_app/lobby.html", form, status=422)
    if not await may_start(request):
        response = await sync_to_async(render)(request, "429.html", status=429)
        response["Retry-After"] = str(WINDOW)
        return response
    if await AvatarSession.objects.open().acount() >= settings.MAX_OPEN_SESSIONS:
        form.add_error(None, "All avatars are talking right now. Please try again in a few minutes.")
        return _form_page(request, "sessions_app/lobby.html", form, status=503)
    session = await _write_session(form.cleaned_data, visitor, choices)
    presence.expect(session.pk)
    return redirect("sessions:session", key=session.key)


async def _choice_page(request: HttpRequest, template: str, form_class: type[StartForm]) -> HttpResponse:
    try:
        choices = await load_choices()
    except LiveAvatarError as error:
        return _lobby_without_choices(request, error)
    initial: dict[str, Any] = first_choices(choices)
    initial |= {name: request.GET[name] for name in (*CHOICES, "start_mode") if name in request.GET}
    initial["request_id"] = uuid4()
    if form_class is VisitForm:
        initial["start_mode"] = StartMode.VISIT
    return _form_page(request, template, form_class(choices, initial=initial))


def _form_page(request: HttpRequest, template: str, form: StartForm, status: int = 200) -> HttpResponse:
    chosen = {name: form[name].value() or "" for name in CHOICES if name in form.fields}
    context = {
        "form": form,
        "trouble": "",
        "simulated": settings.SIMULATED,
        "visit_url": f"{reverse('sessions:visit')}?{urlencode(chosen)}",
    }
    return render(request, template, context, status=status)


def _lobby_without_choices(request: HttpRequest, error: LiveAvatarError) -> HttpResponse:
    context = {"form": None, "trouble": describe_error(error).message, "simulated": settings.SIMULATED}
    return render(request, "sessions_app/lobby.html", context, status=503)


async def _write_session(choice: dict[str, Any], visitor: UUID, choices: Choices) -> AvatarSession:
    avatar = choices.avatar(choice["avatar_id"])
    assert avatar is not None  # the form accepts only avatars of the choices
    session, _ = await AvatarSession.objects.aget_or_create(
        visitor=visitor,
        request_id=choice["request_id"],
        defaults={
            **{name: choice[name] for name in (*COLUMNS, "start_mode")},
            "mode": choice["answerer"].mode,
            "room_kind": choice["answerer"].room_kind,
            "avatar_name": avatar.name,
            "preview_url": avatar.preview_url or "",
            "sandbox": settings.LIVEAVATAR_SANDBOX,
        },
    )
    return session
