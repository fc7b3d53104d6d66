"""Sessions in the Django admin. Staff read transcripts, and may end or direct a running session."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from sessions_app.custom.agent_line import send_command
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.ending import end_session
from sessions_app.models import AvatarSession, Mode

if TYPE_CHECKING:
    SessionAdmin = admin.ModelAdmin[AvatarSession]
else:
    SessionAdmin = admin.ModelAdmin

EVENTS_PER_PAGE = 500
DIRECTIONS = {"tone": "avatar.test_tone", "interrupt": "avatar.interrupt"}


@admin.register(AvatarSession)
class AvatarSessionAdmin(SessionAdmin):
    list_display = [
        "name",
        "state",
        "mode",
        "start_mode",
        "avatar_name",
        "started",
        "duration",
        "turn_count",
        "reason",
    ]
    list_filter = ["state", "mode", "start_mode", "end_reason", "created_at"]
    list_display_links = ["name"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["avatar_name"]
    search_help_text = "Avatar, or a whole session id (ours or the service's)"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AvatarSession]:
        return AvatarSession.objects.with_turns().defer("session_token", "room_token")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AvatarSession], search_term: str
    ) -> tuple[QuerySet[AvatarSession], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if term:
            ids = Q(remote_id=term)
            with suppress(ValueError):
                ids |= Q(key=UUID(term))
            found |= queryset.filter(ids)
        return found, duplicates

    def get_urls(self) -> list[URLPattern]:
        transcript = self.admin_site.admin_view(self.transcript)
        direct = self.admin_site.admin_view(self.direct)
        end = self.admin_site.admin_view(self.end)
        return [
            path("<int:pk>/transcript/", transcript, name="sessions_app_avatarsession_transcript"),
            path("<int:pk>/direct/", direct, name="sessions_app_avatarsession_direct"),
            path("<int:pk>/end/", end, name="sessions_app_avatarsession_end"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        """Show the transcript in the place of a change form."""
        return (
            self.transcript(request, int(object_id))
            if object_id.isdecimal()
            else super().change_view(request, object_id, *args, **kwargs)
        )

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a running conversation. The reason names the member of staff."""
        if not request.user.has_perm("sessions_app.end_session"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        session = get_object_or_404(AvatarSession, pk=pk)
        if async_to_sync(_end)(session, f"{request.user.get_username()} in the admin"):
            messages.success(request, "The conversation was ended.")
        else:
            messages.warning(request, "The conversation had already ended.")
        return redirect("admin:sessions_app_avatarsession_transcript", pk)

    def direct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a command to the agent of a running CUSTOM session."""
        if not request.user.has_perm("sessions_app.direct_agent"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        session = get_object_or_404(AvatarSession, pk=pk, mode=Mode.CUSTOM)
        command = DIRECTIONS.get(request.POST.get("command", ""))
        if command is None or not session.is_open:
            messages.warning(
                request, "Nothing was sent: the conversation is over, or the command is unknown."
            )
        else:
            async_to_sync(send_command)(session, {"event_type": command})
            messages.success(request, "The command was sent. The agent's answer appears in the events below.")
        return redirect("admin:sessions_app_avatarsession_transcript", pk)

    def transcript(self, request: HttpRequest, pk: int) -> TemplateResponse:
        """Show the turns with their times, and the raw events below."""
        if not request.user.has_perm("sessions_app.view_transcript"):
            raise PermissionDenied
        session = get_object_or_404(AvatarSession.objects.with_turns(), pk=pk)
        events = Paginator(session.events.all(), EVENTS_PER_PAGE)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Conversation with {session.avatar_name}",
            "opts": self.opts,
            "session": session,
            "can_direct": session.is_custom
            and session.is_open
            and request.user.has_perm("sessions_app.direct_agent"),
            "can_end": session.is_open and request.user.has_perm("sessions_app.end_session"),
            "turns": [turn for turn in session.turns.all() if turn.said],
            "events": events.get_page(request.GET.get("page")),
        }
        return TemplateResponse(request, "admin/sessions_app/transcript.html", context)

    @admin.display(description="session", ordering="id")
    def name(self, session: AvatarSession) -> str:
        return str(session.key)[:8]

    @admin.display(description="started", ordering="started_at", empty_value="not started")
    def started(self, session: AvatarSession) -> Any:
        return session.started_at

    @admin.display(description="duration")
    def duration(self, session: AvatarSession) -> str:
        duration = session.duration
        if duration is None:
            return "-"
        minutes, seconds = divmod(round(duration.total_seconds()), 60)
        return f"{minutes}:{seconds:02}"

    @admin.display(description="turns", ordering="turn_count")
    def turn_count(self, session: Any) -> int:
        count: int = session.turn_count
        return count

    @admin.display(description="end reason", ordering="end_reason")
    def reason(self, session: AvatarSession) -> str:
        return session.get_end_reason_display()


async def _end(session: AvatarSession, detail: str) -> bool:
    return await end_session(session, EndReason.STAFF, detail=detail)
