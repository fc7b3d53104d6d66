"""Turns out of events: who said what, when, and whether it was cut short.

The wire (LiveAvatar, FULL mode events): user chunks are cumulative and replace each other, avatar chunks are single
words that append as they are, and the full text of an avatar's turn may come before, among or after its chunks.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.utils import timezone

from liveavatar.vocabulary import Command
from liveavatar.vocabulary import Event as Said
from sessions_app.events.frames import Event
from sessions_app.models import AvatarSession, SessionEvent, Turn

IN, OUT = SessionEvent.Direction.IN, SessionEvent.Direction.OUT


class Conversation:
    """The last turn of each side of one session, changed by one event after the other."""

    def __init__(self, session: AvatarSession, user: Turn | None, avatar: Turn | None) -> None:
        self.session = session
        self.user = user
        self.avatar = avatar
        self._changed: dict[int, Turn] = {}

    def take(self, events: Iterable[Event]) -> list[Turn]:
        """Apply the events in order; returns the turns that are new or changed, unsaved."""
        for event in events:
            rule = RULES.get((event.direction, event.type))
            if rule is not None:
                rule(self, event)
        return list(self._changed.values())

    # What the visitor does.

    def user_started(self, event: Event) -> None:
        if self.avatar is not None and _speaking(self.avatar):
            self._interrupt()
        if self.user is None or self.user.is_final or self.user.ended_at:
            self._open_user(event.occurred_at)

    def user_said_so_far(self, event: Event) -> None:
        self._touch(self._user_turn(event.occurred_at)).text = _text(event)

    def user_said(self, event: Event) -> None:
        turn = self._touch(self._user_turn(event.occurred_at))
        turn.text = _text(event)
        turn.is_final = True

    def user_ended(self, event: Event) -> None:
        if self.user is not None and self.user.ended_at is None:
            self._touch(self.user).ended_at = event.occurred_at

    def user_typed(self, event: Event) -> None:
        turn = self._open_user(event.occurred_at)
        turn.origin = Turn.Origin.TYPED
        turn.text = _text(event)
        turn.is_final = True
        turn.ended_at = event.occurred_at

    def interrupt_asked(self, event: Event) -> None:
        if self.avatar is not None and _speaking(self.avatar):
            self._interrupt()

    # What the avatar does.

    def avatar_started(self, event: Event) -> None:
        if self.avatar is not None and self.avatar.ended_at is None and not self.avatar.heard:
            # Its full text came first: the same turn now begins to sound.
            self._touch(self.avatar).started_at = event.occurred_at
            return
        self.avatar = self._touch(
            Turn(session=self.session, role=Turn.Role.AVATAR, started_at=event.occurred_at)
        )

    def avatar_word(self, event: Event) -> None:
        self._touch(self._avatar_turn(event.occurred_at)).heard += _text(event)

    def avatar_said(self, event: Event) -> None:
        before = self.avatar
        if before is not None and before.is_final and (before.ended_at or before.text != _text(event)):
            self.avatar = self._touch(
                Turn(session=self.session, role=Turn.Role.AVATAR, started_at=event.occurred_at)
            )
        turn = self._touch(self._avatar_turn(event.occurred_at))
        turn.text = _text(event)
        turn.is_final = True

    def avatar_ended(self, event: Event) -> None:
        if self.avatar is not None and self.avatar.ended_at is None:
            self._touch(self.avatar).ended_at = event.occurred_at

    def answered(self, event: Event) -> None:
        """An agent of ours knows what was heard of its answer, and whether it was cut short: it has the last word."""
        if self.avatar is None:
            return
        turn = self._touch(self.avatar)
        heard, interrupted = event.payload.get("heard"), event.payload.get("interrupted")
        turn.heard = heard if isinstance(heard, str) else turn.heard
        turn.interrupted = bool(interrupted)

    def _open_user(self, at: datetime) -> Turn:
        self.user = self._touch(Turn(session=self.session, role=Turn.Role.USER, started_at=at))
        return self.user

    def _user_turn(self, at: datetime) -> Turn:
        """The turn a transcription belongs to: it may come after the end of the speech, or without any."""
        if self.user is None or self.user.is_final:
            return self._open_user(at)
        return self.user

    def _avatar_turn(self, at: datetime) -> Turn:
        if self.avatar is None:
            self.avatar = Turn(session=self.session, role=Turn.Role.AVATAR, started_at=at)
        return self.avatar

    def _interrupt(self) -> None:
        if self.avatar is not None:
            self._touch(self.avatar).interrupted = True

    def _touch(self, turn: Turn) -> Turn:
        self._changed[id(turn)] = turn
        return turn


def derive(session: AvatarSession, events: Iterable[Event]) -> None:
    """Write the turns these newly stored events make. Runs in the transaction that stores them."""
    turns = Turn.objects.filter(session=session).order_by("-id")
    conversation = Conversation(
        session,
        turns.filter(role=Turn.Role.USER).first(),
        turns.filter(role=Turn.Role.AVATAR).first(),
    )
    for turn in conversation.take(events):
        turn.save()


def break_off(session: AvatarSession) -> None:
    """Whoever told what both sides say is gone: nothing that was going on is heard the end of."""
    going_on, at = Turn.objects.filter(session=session, ended_at=None), timezone.now()
    going_on.filter(role=Turn.Role.AVATAR).update(ended_at=at, interrupted=True)
    going_on.update(ended_at=at)


def _speaking(turn: Turn) -> bool:
    return turn.ended_at is None


def _text(event: Event) -> str:
    text = event.payload.get("text")
    return text if isinstance(text, str) else ""


RULES: dict[tuple[str, str], Callable[[Conversation, Event], None]] = {
    (IN, Said.USER_SPEAK_STARTED): Conversation.user_started,
    (IN, Said.PUSH_TO_TALK_STARTED): Conversation.interrupt_asked,
    (IN, Said.USER_TRANSCRIPTION_CHUNK): Conversation.user_said_so_far,
    (IN, Said.USER_TRANSCRIPTION): Conversation.user_said,
    (IN, Said.USER_SPEAK_ENDED): Conversation.user_ended,
    (OUT, Command.SPEAK_RESPONSE): Conversation.user_typed,
    (OUT, Command.INTERRUPT): Conversation.interrupt_asked,
    (IN, Said.AVATAR_SPEAK_STARTED): Conversation.avatar_started,
    (IN, Said.AVATAR_TRANSCRIPTION_CHUNK): Conversation.avatar_word,
    (IN, Said.AVATAR_TRANSCRIPTION): Conversation.avatar_said,
    (IN, Said.AVATAR_SPEAK_ENDED): Conversation.avatar_ended,
    (IN, "agent.answered"): Conversation.answered,
}
