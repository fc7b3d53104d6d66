"""The rows of a conversation: the session, its agent's lease, its events, its turns, and tickets for its sockets."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from sessions_app.end_reasons import TO_VISITORS, EndReason
from sessions_app.states import OPEN, Signal, State, advance


class Mode(models.TextChoices):
    FULL = "FULL", "FULL"
    CUSTOM = "CUSTOM", "CUSTOM"


class RoomKind(models.TextChoices):
    HOSTED = "hosted", "the service's room"
    OWN = "own", "our own room"


# The prefix of a room's name at our LiveKit, by the room's purpose.
OWN_ROOM_PREFIXES = {RoomKind.OWN: "talk", RoomKind.HOSTED: "wait"}


class Answerer(models.TextChoices):
    """The visitor's choice of mode and room, as one value."""

    SERVICE = "service", "The avatar service"
    AGENT = "agent", "Our own agent"
    AGENT_IN_OWN_ROOM = "agent-own-room", "Our own agent, in our own room"

    @property
    def mode(self) -> Mode:
        return Mode.FULL if self is Answerer.SERVICE else Mode.CUSTOM

    @property
    def room_kind(self) -> RoomKind:
        return RoomKind.OWN if self is Answerer.AGENT_IN_OWN_ROOM else RoomKind.HOSTED


class StartMode(models.TextChoices):
    CLICK = "click", "on a click"
    VISIT = "visit", "on visit"
    BROWSER = "browser", "by the browser"


class AvatarSessionQuerySet(models.QuerySet["AvatarSession"]):
    def owned_by(self, visitor: UUID) -> Self:
        """Return the visitor's sessions: the only way in which pages and sockets reach a session for a visitor."""
        return self.filter(visitor=visitor)

    def open(self) -> Self:
        return self.filter(state__in=OPEN)

    def unreleased(self) -> Self:
        """Return ended sessions that may still be billed at the vendor or hold a room at our LiveKit."""
        over = self.filter(state__in=[State.ENDED, State.FAILED], released_at=None)
        return over.exclude(remote_id="", mode=Mode.FULL)

    def unattended_since(self, moment: datetime) -> Self:
        """Return open sessions whose page no process has seen since `moment`."""
        return self.open().filter(page_seen_at__lt=moment)

    def with_turns(self) -> Self:
        dropped = Q(turns__interrupted=True, turns__sounded=False, turns__heard="")
        said = ~Q(turns__text="") | ~Q(turns__heard="")
        return self.annotate(turn_count=Count("turns", filter=said & ~dropped))


class AvatarSession(models.Model):
    """One conversation of one visitor. The row is written before the vendor is called."""

    key = models.UUIDField(default=uuid4, unique=True, editable=False)
    visitor = models.UUIDField(db_index=True)
    # The form's idempotency key: a double click or a reload finds the session it made before.
    request_id = models.UUIDField(default=uuid4)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.FULL)
    # FULL sessions always use the vendor's room.
    room_kind = models.CharField(max_length=8, choices=RoomKind, default=RoomKind.HOSTED)
    start_mode = models.CharField(max_length=8, choices=StartMode, default=StartMode.CLICK)
    state = models.CharField(max_length=8, choices=State, default=State.CREATED)

    avatar_id = models.CharField(max_length=64)
    avatar_name = models.CharField(max_length=200, blank=True)
    preview_url = models.CharField(max_length=1000, blank=True)
    voice_id = models.CharField(max_length=64, blank=True)
    context_id = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=16, default="en")
    quality = models.CharField(max_length=16, default="high")
    interactivity = models.CharField(max_length=20, default="CONVERSATIONAL")
    sandbox = models.BooleanField(default=False)

    remote_id = models.CharField("the service's id", max_length=64, blank=True, db_index=True)
    # Secrets of this session: kept while it is open, because its page may reload, and wiped at its end.
    session_token = models.TextField(blank=True, editable=False)
    room_url = models.CharField(max_length=500, blank=True, editable=False)
    room_token = models.TextField(blank=True, editable=False)
    max_duration = models.PositiveIntegerField("maximum duration, s", null=True, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    page_seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=24, choices=EndReason, blank=True)
    end_detail = models.CharField(max_length=500, blank=True)
    released_at = models.DateTimeField("stopped at the service", null=True, blank=True)

    objects = AvatarSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("view_transcript", "Can read transcripts"),
            ("direct_agent", "Can direct the agent of a running conversation"),
            ("end_session", "Can end a running conversation"),
        ]
        indexes = [models.Index(fields=["state", "page_seen_at"], name="session_open_unattended")]
        constraints = [
            models.UniqueConstraint(fields=["visitor", "request_id"], name="one_session_per_request")
        ]

    def __str__(self) -> str:
        return f"{self.avatar_name or 'avatar'} {str(self.key)[:8]}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_browser_managed(self) -> bool:
        return self.start_mode == StartMode.BROWSER

    @property
    def is_custom(self) -> bool:
        return self.mode == Mode.CUSTOM

    @property
    def answerer(self) -> Answerer:
        if not self.is_custom:
            return Answerer.SERVICE
        return Answerer.AGENT_IN_OWN_ROOM if self.room_kind == RoomKind.OWN else Answerer.AGENT

    @staticmethod
    def key_of_room(name: str) -> UUID | None:
        """Return the key of the session whose `own_room` has that name; None for any other room."""
        prefix, _, key = name.partition("-")
        try:
            return UUID(key) if prefix in OWN_ROOM_PREFIXES.values() else None
        except ValueError:
            return None

    @property
    def own_room(self) -> str:
        """The name of its room at our LiveKit. If the vendor has the room, only the agent waits in ours."""
        return f"{OWN_ROOM_PREFIXES[RoomKind(self.room_kind)]}-{self.key.hex}"

    @property
    def duration(self) -> timedelta | None:
        """The time from the start at the vendor to the end, or to now."""
        if self.started_at is None:
            return None
        return (self.ended_at or timezone.now()) - self.started_at

    @property
    def end_text(self) -> str:
        """The reason of its end, in words for the visitor."""
        if self.is_open:
            return ""
        if self.end_reason == EndReason.START_FAILED and self.end_detail:
            return self.end_detail
        return TO_VISITORS[EndReason(self.end_reason or EndReason.UNKNOWN)]

    async def aadvance(self, signal: Signal, **changes: Any) -> bool:
        """Move on by `signal` and write `changes` with it; False if the row is already in the state it leads to.

        The row decides, not this object: two processes may signal at once, and exactly one writes each transition.
        Raises IllegalTransition.
        """
        while True:
            before = State(self.state)
            after = advance(before, signal)
            if after == before:
                return False
            changes["state"] = after
            if await type(self).objects.filter(pk=self.pk, state=before).aupdate(**changes):
                for name, value in changes.items():
                    setattr(self, name, value)
                return True
            await self.arefresh_from_db()


MAX_HELLO_FACTOR = 3  # times AGENT_HELLO_WITHIN


class AgentLease(models.Model):
    """The attempt and job of the agent that holds a CUSTOM conversation, and when it last proved to be alive.

    The agent renews the lease over its websocket. LiveKit notices a killed agent after 20 s and does not replace it.
    """

    session = models.OneToOneField(AvatarSession, models.CASCADE, related_name="lease")
    attempt = models.PositiveSmallIntegerField(default=0)
    dispatch_id = models.CharField(max_length=64, blank=True)
    dispatched_at = models.DateTimeField(null=True)
    # Dispatches since the last hello, without this one.
    unanswered = models.PositiveSmallIntegerField(default=0)
    job_id = models.CharField(max_length=64, blank=True)
    renewed_at = models.DateTimeField(null=True)  # None until the agent of this attempt has said hello
    agent_state = models.CharField(max_length=16, blank=True)
    # What the agent is told of its part and, once the vendor runs the session, the avatar's addresses.
    config = models.JSONField(default=dict)
    start = models.JSONField(default=dict, editable=False)  # secrets, wiped at the end

    class Meta:
        indexes = [models.Index(fields=["renewed_at"], name="lease_renewed")]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.session_id}"

    @property
    def identity(self) -> str:
        """The agent's identity in our LiveKit's room. The agent derives the same one from its dispatch."""
        return f"agent-{self.session.key.hex[:8]}-{self.attempt}"

    @property
    def hello_timeout(self) -> float:
        """The seconds within which the agent must say hello.

        Grows with each unanswered dispatch, so that agents starting on a busy machine are not given up too early.
        """
        factor: int = min(1 + self.unanswered, MAX_HELLO_FACTOR)
        return float(settings.AGENT_HELLO_WITHIN * factor)


class SessionEvent(models.Model):
    """One event as its source reported it. Rows are only appended; unknown types are stored like known ones."""

    class Direction(models.TextChoices):
        IN = "in", "from the service"
        OUT = "out", "to the service"
        PAGE = "page", "of the page"
        SITE = "site", "of the site"

    session = models.ForeignKey(AvatarSession, models.CASCADE, related_name="events")
    # The numbering source: `page-<instance>` for one load of the page, `agent-<attempt>-<job>`, or `site`.
    source = models.CharField(max_length=40)
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=64)
    direction = models.CharField(max_length=4, choices=Direction)
    payload = models.JSONField(default=dict)
    # By the source's clock, which may be wrong; received_at is by the site's.
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["session", "source", "seq"], name="one_row_per_event")]

    def __str__(self) -> str:
        return f"{self.source} {self.seq} {self.type}"

    @property
    def payload_text(self) -> str:
        return json.dumps(self.payload, ensure_ascii=False)


class Turn(models.Model):
    """What one side said at a stretch. docs/protocol.md, "Turns", says how it is made of events."""

    class Role(models.TextChoices):
        USER = "user", "visitor"
        AVATAR = "avatar", "avatar"

    class Origin(models.TextChoices):
        SPOKEN = "spoken", "spoken"
        TYPED = "typed", "typed"

    session = models.ForeignKey(AvatarSession, models.CASCADE, related_name="turns")
    # In the order in which the session's turns were opened, and in which they are read (ties go by number).
    number = models.PositiveIntegerField()
    place = models.IntegerField()
    # Of an answer: the id that all its events carry, where they carry one.
    source_event_id = models.CharField(max_length=64, blank=True)
    role = models.CharField(max_length=8, choices=Role)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.SPOKEN)
    # The whole text: what the visitor said, or what the avatar meant to say.
    text = models.TextField(blank=True)
    is_final = models.BooleanField(default=False)
    # The avatar's words that were spoken so far.
    heard = models.TextField(blank=True)
    # An answer that was heard, if only in part. One that is interrupted before it sounds was never said.
    sounded = models.BooleanField(default=True)
    interrupted = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["place", "number"]
        constraints = [models.UniqueConstraint(fields=["session", "number"], name="one_row_per_turn")]

    def __str__(self) -> str:
        return f"{self.role}: {self.said[:40]}"

    @property
    def said(self) -> str:
        """What was really said: of an interrupted answer, only the words that were heard."""
        if self.interrupted and (self.heard or not self.sounded):
            return self.heard.strip()
        return (self.text or self.heard).strip()


class TurnState(models.Model):
    """What the events of a session mean for its turns to come; see `sessions_app.events.reducer.State`."""

    session = models.OneToOneField(AvatarSession, models.CASCADE, primary_key=True, related_name="turn_state")
    state = models.JSONField()

    def __str__(self) -> str:
        return f"turn state of {self.session_id}"


class Ticket(models.Model):
    """A one-time permit for one page to open one websocket within a minute. Only its digest is stored."""

    session = models.ForeignKey(AvatarSession, models.CASCADE, related_name="tickets")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.session_id}"
