"""Reduce the events of a session to its turns. Pure: no ORM, no clock.

docs/protocol.md, "Turns", defines what a turn is. `static/js/conversation/turns.js` is the same algorithm with the same
state, function by function; the cases in tests/cases/turns run in both.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sessions_app.events.turn_state import (
    AVATAR,
    CUT,
    LOST,
    TYPED,
    USER,
    State,
    Turn,
    begins,
    is_heard,
    plain,
)

SEEN_KEPT = 256  # event ids
TURNS_KEPT = 12  # ended turns beyond these are let go: no event changes them any more
MOST_OPEN = 64  # turns; the simulator queues as many texts
LONGEST_HEARD = 20_000  # characters; what an endless answer says beyond them is in the events only

Payload = Mapping[str, Any]


class Reducer:
    """Applies one event after the other to a state. `changed` are the turns that are new or changed, by number."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self.changed: dict[int, Turn] = {}
        self.applied = 0  # events, without repeats

    def apply(self, direction: str, type_: str, payload: Payload, at: int) -> None:
        """Apply one event of the site's protocol; `at` is epoch milliseconds. Events of other types change nothing."""
        rule = RULES.get((direction, type_))
        if rule is None or self._is_repeat(type_, payload):
            return
        self.applied += 1
        rule(self, payload, at)
        if self.state.over:
            self._settle(at)
        self._let_go(at)

    # What the visitor does.

    def user_started(self, _payload: Payload, at: int) -> None:
        self._interrupt(at)
        speaking = [turn for turn in self._of(USER) if turn.ended is None]
        if speaking and speaking[-1].is_pending and not speaking[-1].text:
            return  # a repeat
        for turn in speaking:
            self._touch(turn).ended = at
        self._open(USER, at)

    def user_said_so_far(self, payload: Payload, at: int) -> None:
        text = _text(payload)
        if text is None:
            return
        pending, echo = self._pending(), self._echo_text()
        if not pending and (not text or (echo and begins(echo, text))):
            return  # overtaken by its final text
        turn = pending[-1] if pending else self._open(USER, at)
        self._touch(turn).text = text

    def user_said(self, payload: Payload, at: int) -> None:
        text = _text(payload)
        if text is None:
            return
        pending = self._pending()
        turn = _awaited(pending)
        if not text and turn is not None:
            self._remove(turn)  # the recogniser takes its words back
        elif turn is not None:
            for noise in pending:
                if noise.number < turn.number and not noise.text:
                    self._remove(noise)
            self._understood(turn, text, at)
        elif text and text != self._echo_text():
            turn = self._open(USER, at, before=self._answering())
            turn.ended = at
            self._understood(turn, text, at)

    def user_ended(self, _payload: Payload, at: int) -> None:
        for turn in self._of(USER):
            if turn.ended is None:
                self._touch(turn).ended = at

    def user_typed(self, payload: Payload, at: int) -> None:
        text = _text(payload)
        if not text:
            return
        turn = self._open(USER, at, before=self._answer(_id(payload.get("event_id"))))
        turn.origin, turn.text, turn.final, turn.ended = TYPED, text, True, at
        self._ask(turn, at)
        self.state.echo = None

    def speech_asked(self, _payload: Payload, at: int) -> None:
        self.state.asked = at

    def interrupt_asked(self, _payload: Payload, at: int) -> None:
        self._interrupt(at)
        self.state.asked = None

    def window_opened(self, _payload: Payload, at: int) -> None:
        self._interrupt(at)

    # What the avatar does.

    def avatar_started(self, payload: Payload, at: int) -> None:
        source = _source(payload)
        turn = self._answer(source) or self._starting(source) or self._open(AVATAR, at)
        self._adopt(turn, source)
        self._start(turn, at)

    def avatar_word(self, payload: Payload, at: int) -> None:
        word, source = _text(payload), _source(payload)
        if not word:
            return
        turn = self._answer(source) or (None if source else self._speaker_of(word)) or self._open(AVATAR, at)
        self._adopt(turn, source)
        is_late = turn.ended is not None and (turn.sounded or turn.cut)
        if not is_late and not turn.is_sounding:
            self._start(turn, at)
        self._touch(turn).fresh = False
        turn.unsure = None
        if len(turn.heard) < LONGEST_HEARD:
            turn.heard += word

    def avatar_said(self, payload: Payload, at: int) -> None:
        text, source = _text(payload), _source(payload)
        if not text:
            return
        turn = self._answer(source) or (None if source else self._author_of(text))
        if turn is None:
            turn = self._open(AVATAR, at)
            if not plain(text):
                turn.ended = at  # nothing in it can be spoken
                self.state.asked = None
        self._adopt(turn, source)
        self._touch(turn).text = text
        turn.final, turn.fresh = True, False

    def avatar_ended(self, payload: Payload, at: int) -> None:
        source = _source(payload)
        turn = self._answer(source) or self._ending(source)
        if turn is None:
            return
        self._adopt(turn, source)
        if turn.ended is None:
            self._touch(turn).ended = at
            turn.sounded = True
        elif turn.cut == LOST:
            self._touch(turn).cut = ""

    def answered(self, payload: Payload, at: int) -> None:
        """Take our agent's report on an answer as final: it knows the words heard, and whether they were all."""
        heard, source = payload.get("heard"), _source(payload)
        if not isinstance(heard, str):
            return
        turn = self._answer(source) or (None if source else self._answer_heard_as(heard))
        if turn is None and source and heard:
            turn = self._open(AVATAR, at)
            turn.source = source
        if turn is None:
            return
        self._touch(turn).confirmed = True
        turn.heard = heard
        turn.cut = CUT if payload.get("interrupted") is True else ""
        if heard and not turn.cut and not turn.final:
            turn.text, turn.final = heard.strip(), True
        if not (heard and turn.sounded):
            turn.sounded, turn.ended = bool(heard), turn.ended or at

    def false_interruption(self, payload: Payload, at: int) -> None:
        """Resume the answer that our agent had paused."""
        if payload.get("resumed") is not True:
            return
        speaking, paused = self._sounding(), self._heard_last()
        is_new = (
            speaking is not None
            and speaking.fresh
            and not (speaking.source or speaking.text or speaking.heard)
        )
        if speaking is not None and not is_new:
            self._touch(speaking).cut = ""
        elif paused is not None and paused.cut:
            if speaking is not None:
                self._remove(speaking)
            self._start(paused, at)

    # What happens to the session.

    def page_joined(self, _payload: Payload, at: int) -> None:
        """A page that was loaded in the middle of an answer may have missed its end."""
        turn = self._sounding()
        if turn is not None:
            self._touch(turn).unsure = at

    def reporter_gone(self, _payload: Payload, at: int) -> None:
        self._settle(at)

    def ended(self, _payload: Payload, _at: int) -> None:
        self.state.over = True  # `apply` settles the turns, after this event and all that follow

    # Which turn an event belongs to.

    def _of(self, role: str) -> list[Turn]:
        return [turn for turn in self.state.turns if turn.role == role]

    def _pending(self) -> list[Turn]:
        """The visitor's speech without a final text; once the session is over, lost speech too."""
        return [turn for turn in self.state.turns if turn.is_pending and (not turn.cut or self.state.over)]

    def _echo_text(self) -> str:
        return next((turn.text for turn in self.state.turns if turn.number == self.state.echo), "")

    def _answer(self, source: str) -> Turn | None:
        return _newest(turn for turn in self._of(AVATAR) if source and turn.source == source)

    def _sounding(self) -> Turn | None:
        return _newest(turn for turn in self.state.turns if turn.is_sounding)

    def _answering(self) -> Turn | None:
        """The answer that sounds uninterrupted: a final text of unannounced speech was spoken before it."""
        turn = self._sounding()
        return None if turn is None or turn.cut else turn

    def _waiting(self) -> list[Turn]:
        return [turn for turn in self.state.turns if turn.is_waiting]

    def _heard_last(self) -> Turn | None:
        """The answer that ended last, as far as it was heard."""
        return _newest(turn for turn in self._of(AVATAR) if turn.sounded and turn.ended is not None)

    def _starting(self, source: str) -> Turn | None:
        """The answer that begins to sound now, if it is known already."""
        speaking = self._sounding()
        if speaking is not None and speaking.fresh and not source:
            return speaking  # a repeat
        for turn in self._waiting():
            if not source or not turn.source:
                return turn
        if source or self.state.asked is not None:
            return None
        last = _newest(self.state.turns)
        is_silent = last is not None and last.role == AVATAR and not last.sounded and not last.cut
        return last if is_silent else None

    def _speaker_of(self, word: str) -> Turn | None:
        """The answer a word without a source belongs to."""
        speaking = self._sounding()
        if speaking is not None:
            return speaking
        last, waiting = self._heard_last(), self._waiting()
        if last is not None and self.state.asked is None:
            is_late = begins(last.text, last.heard + word) if last.final else not waiting
            if is_late:
                return last
        return waiting[0] if waiting else None

    def _author_of(self, text: str) -> Turn | None:
        """The answer a whole text without a source belongs to."""
        speaking, last, is_answered = self._sounding(), self._heard_last(), self.state.asked is None
        if speaking is not None and not speaking.final:
            return speaking
        if last is not None and not last.final:
            is_late = begins(text, last.heard) if plain(last.heard) else is_answered
            if is_late:
                return last
        for turn in self._of(AVATAR):
            is_recent = turn.ended is None or (is_answered and (turn is last or not turn.sounded))
            if is_recent and turn.text == text:
                return turn  # a repeat
        return None

    def _ending(self, source: str) -> Turn | None:
        speaking = self._sounding()
        if speaking is not None:
            return speaking if not source or not speaking.source else None
        waiting = next((turn for turn in self._waiting() if not source or not turn.source), None)
        return waiting or (self._heard_last() if self.state.over and not source else None)

    def _answer_heard_as(self, words: str) -> Turn | None:
        """The answer our agent reports on: the first that begins with these words and was not dropped."""
        unconfirmed = [
            turn for turn in self._of(AVATAR) if not turn.confirmed and (turn.sounded or not turn.cut)
        ]
        if plain(words):
            for turn in unconfirmed:
                if begins(turn.text or turn.heard, words):
                    return turn
        return _newest(turn for turn in unconfirmed if turn.sounded) or _newest(unconfirmed)

    # Changes.

    def _is_repeat(self, type_: str, payload: Payload) -> bool:
        event_id = _id(payload.get("event_id"))
        if not event_id:
            return False
        name = f"{type_} {event_id}"
        if name in self.state.seen:
            return True
        self.state.seen.append(name)
        del self.state.seen[:-SEEN_KEPT]
        return False

    def _open(self, role: str, at: int, before: Turn | None = None) -> Turn:
        number = self.state.next
        self.state.next += 1
        turn = Turn(number, number if before is None else before.place - 1, role, at)
        self.state.turns.append(turn)
        return self._touch(turn)

    def _touch(self, turn: Turn) -> Turn:
        self.changed[turn.number] = turn
        return turn

    def _remove(self, turn: Turn) -> None:
        self.state.turns.remove(turn)
        turn.text = turn.heard = ""
        self._touch(turn)

    def _adopt(self, turn: Turn, source: str) -> None:
        if source and not turn.source:
            self._touch(turn).source = source

    def _understood(self, turn: Turn, text: str, at: int) -> None:
        self._touch(turn).text = text
        turn.final = True
        self.state.echo = turn.number
        self._ask(turn, at)

    def _ask(self, turn: Turn, at: int) -> None:
        """Wait for an answer to the visitor's turn, unless one that sounded stands behind it."""
        here = (turn.place, turn.number)
        if not any(each.sounded and (each.place, each.number) > here for each in self._of(AVATAR)):
            self.state.asked = at

    def _start(self, turn: Turn, at: int) -> None:
        """Let the answer sound: it begins, or is resumed."""
        for other in self._of(AVATAR):
            if other.is_sounding and other is not turn:
                _close(self._touch(other), at)  # its end was missed
        if not turn.sounded:
            turn.began = at
        self._touch(turn).sounded = turn.fresh = True
        turn.ended = turn.unsure = None
        turn.cut, turn.confirmed = "", False
        self.state.asked = self.state.echo = None

    def _interrupt(self, at: int) -> None:
        """Cut the answer that sounds and drop those that wait, as the service does."""
        for turn in self._of(AVATAR):
            if turn.ended is not None or turn.confirmed:
                continue
            self._touch(turn)
            if turn.is_waiting:
                turn.cut, turn.ended = CUT, at
            elif is_heard(turn, at):
                turn.cut = CUT
            else:
                _close(turn, at)

    def _settle(self, at: int) -> None:
        """Close what is open: its end will not be reported."""
        for turn in list(self.state.turns):
            if turn.is_pending and not turn.text:
                self._remove(turn)
            elif turn.ended is None or (turn.is_pending and not turn.cut):
                self._touch(turn)
                if turn.is_pending or (turn.role == AVATAR and not turn.confirmed and _may_sound(turn, at)):
                    turn.cut = turn.cut or LOST
                _close(turn, at)
        self.state.asked = None

    def _let_go(self, at: int) -> None:
        turns = self.state.turns
        if len(turns) > MOST_OPEN and turns[0].ended is None:
            _close(self._touch(turns[0]), at)
        while len(turns) > TURNS_KEPT and (old := next((t for t in turns if t.ended is not None), None)):
            turns.remove(old)


def _may_sound(turn: Turn, at: int) -> bool:
    return turn.is_waiting or is_heard(turn, at)


def _close(turn: Turn, at: int) -> None:
    if turn.ended is None:
        turn.ended = at if turn.unsure is None else turn.unsure


def _awaited(pending: list[Turn]) -> Turn | None:
    """The speech a final text belongs to: the oldest with words so far, else the one that ended last."""
    with_words = [turn for turn in pending if turn.text]
    ended = [turn for turn in pending if turn.ended is not None]
    if with_words:
        return with_words[0]
    return _newest(ended) or _newest(pending)


def _newest(turns: Iterable[Turn]) -> Turn | None:
    return max(turns, key=lambda turn: turn.number, default=None)


def _text(payload: Payload) -> str | None:
    text = payload.get("text")
    return text if isinstance(text, str) else None


def _source(payload: Payload) -> str:
    return _id(payload.get("source_event_id"))


def _id(value: object) -> str:
    """An id as far as it is one: 1 to 64 printable ASCII characters."""
    return value if isinstance(value, str) and ID.fullmatch(value) else ""


ID = re.compile(r"[\x21-\x7e]{1,64}")

RULES: dict[tuple[str, str], Callable[[Reducer, Payload, int], None]] = {
    ("in", "user.speak_started"): Reducer.user_started,
    ("in", "user.transcription.chunk"): Reducer.user_said_so_far,
    ("in", "user.transcription"): Reducer.user_said,
    ("in", "user.speak_ended"): Reducer.user_ended,
    ("in", "user.push_to_talk_started"): Reducer.window_opened,
    ("out", "avatar.speak_response"): Reducer.user_typed,
    ("out", "avatar.speak_text"): Reducer.speech_asked,
    ("out", "avatar.interrupt"): Reducer.interrupt_asked,
    ("in", "avatar.speak_started"): Reducer.avatar_started,
    ("in", "avatar.transcription.chunk"): Reducer.avatar_word,
    ("in", "avatar.transcription"): Reducer.avatar_said,
    ("in", "avatar.speak_ended"): Reducer.avatar_ended,
    ("in", "agent.answered"): Reducer.answered,
    ("in", "agent.false_interruption"): Reducer.false_interruption,
    ("page", "page.room_joined"): Reducer.page_joined,
    ("in", "session.stopped"): Reducer.ended,
    ("site", "session.ended"): Reducer.ended,
    ("site", "agent.arrived"): Reducer.reporter_gone,
    ("site", "agent.replaced"): Reducer.reporter_gone,
}
TYPES = frozenset(type_ for _, type_ in RULES)
