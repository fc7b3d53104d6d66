"""The state of a session's turns: all that the events so far mean for the events to come."""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

CONFIRM_WITHIN = 3_000  # ms after a page joined, in which an answer that still sounds is heard of again

USER, AVATAR = "user", "avatar"
SPOKEN, TYPED = "spoken", "typed"
CUT, LOST = "cut", "lost"


@dataclass(slots=True)
class Turn:
    """What one side says at a stretch. Times are epoch milliseconds by the clock of the event's source."""

    number: int  # in the order of opening; the turn's identity within its session
    place: int  # turns read in the order of (place, number)
    role: str
    began: int
    ended: int | None = None
    origin: str = SPOKEN
    source: str = ""  # `source_event_id` of an answer, "" where it has none
    text: str = ""  # the whole of it
    final: bool = False  # `text` is complete
    heard: str = ""  # of an answer, the words that came while it sounded
    sounded: bool = False  # an answer was heard, if only in part
    fresh: bool = False  # an answer without a word since it began to sound
    cut: str = ""  # CUT by an interruption, LOST when its end was not reported, "" otherwise
    confirmed: bool = False  # our agent reported what was heard of it
    unsure: int | None = None  # when a page joined in the middle of it: its end may have been missed

    @property
    def is_pending(self) -> bool:
        """Whether the final text of this speech is still to come."""
        return self.role == USER and not self.final

    @property
    def is_sounding(self) -> bool:
        return self.role == AVATAR and self.sounded and self.ended is None

    @property
    def is_waiting(self) -> bool:
        """Whether the answer has a text and is still to be heard."""
        return self.role == AVATAR and not self.sounded and self.ended is None


@dataclass(slots=True)
class State:
    """All that the events so far mean for the events to come."""

    next: int = 1  # number of the next turn
    turns: list[Turn] = field(default_factory=list)  # those that an event may still change, by number
    seen: list[str] = field(default_factory=list)
    asked: int | None = None  # when the visitor last asked for something; None once an answer sounds
    echo: int | None = None  # number of the visitor's turn whose final text may be repeated
    over: bool = False  # the session has ended

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "State":
        """Take what `dump` made, or a part of it."""
        turns = [Turn(**turn) for turn in stored.get("turns", ())]
        return cls(**{**stored, "turns": turns, "seen": list(stored.get("seen", ()))})

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "next": self.next,
            "turns": [asdict(turn) for turn in self.turns],
            "seen": list(self.seen),
            "asked": self.asked,
            "echo": self.echo,
            "over": self.over,
        }


def is_heard(turn: Turn, at: int) -> bool:
    """Whether the answer can be heard at that moment."""
    return turn.is_sounding and (turn.unsure is None or at - turn.unsure < CONFIRM_WITHIN)


def begins(whole: str, part: str) -> bool:
    """Whether `whole` begins with `part`, as far as letters and digits go."""
    return plain(whole).startswith(plain(part))


def plain(text: str) -> str:
    letters = (c if unicodedata.category(c)[0] in "LN" else " " for c in text.lower())
    return " ".join("".join(letters).split())
