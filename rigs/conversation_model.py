"""Conversations as they may go, with the events that tell them and what was said in them.

The events are out of order and repeated as far as docs/protocol.md, "Turns", promises that it makes no difference.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

STEP = 100  # ms between two events

WORDS = [
    "Hello",
    " there",
    " nine",
    ".",
    " 9",
    " é",
    " 👍",
    " ß",
    "九時に",
    "開きます",
    "。",
    " في",
    " التاسعة",
    "हैं",
    " ok?",
]
FIRST = [word for word in WORDS if any(c.isalnum() for c in word)]


@dataclass
class Said:
    """What a reader of the transcript should read."""

    side: str  # "user", "typed" or "avatar"
    words: str
    interrupted: bool = False


@dataclass
class Line:
    """The events in the order of what they tell, and those that may come at another time."""

    draw: Any
    by_agent: bool  # CUSTOM mode: our agent tells no chunks, and what was heard at the end
    events: list[dict[str, Any]] = field(default_factory=list)
    floating: list[tuple[dict[str, Any], int, int]] = field(
        default_factory=list
    )  # with the first and last place
    said: list[Said] = field(default_factory=list)
    ids: int = 0

    def new_id(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}{self.ids}"

    def event(self, direction: str, type_: str, **payload: Any) -> dict[str, Any]:
        known = {name: value for name, value in payload.items() if value is not None}
        return {"direction": direction, "type": type_, "payload": {"event_id": self.new_id("e"), **known}}

    def tell(self, direction: str, type_: str, **payload: Any) -> str:
        """Add an event; returns its id."""
        self.events.append(self.event(direction, type_, **payload))
        return str(self.events[-1]["payload"]["event_id"])

    def tell_between(self, first: int, last: int, direction: str, type_: str, **payload: Any) -> str:
        """Add an event that may come at any place from `first` to `last`; returns its id."""
        event = self.event(direction, type_, **payload)
        self.floating.append((event, first, last))
        return str(event["payload"]["event_id"])

    def maybe(self, one_in: int = 2) -> bool:
        return bool(self.draw(st.integers(1, one_in)) == one_in)

    @property
    def here(self) -> int:
        return len(self.events)

    def next_of(self, start: int, type_: str) -> int:
        """The place of the next event of a type, or the end."""
        return next((n for n in range(start, self.here) if self.events[n]["type"] == type_), self.here)

    def in_order(self) -> list[dict[str, Any]]:
        """The events as they come: each floating one at a drawn place, some events twice."""
        places: dict[int, list[dict[str, Any]]] = {}
        for event, first, last in self.floating:
            place = self.draw(st.integers(first, min(last, self.here)))
            places.setdefault(place, []).append(event)
        come: list[dict[str, Any]] = []
        for index in range(self.here + 1):
            come += [*places.get(index, ()), *self.events[index : index + 1]]
        repeats = st.lists(st.tuples(st.integers(0, len(come) - 1), st.integers(0, 60)), max_size=8)
        for index, later in self.draw(repeats) if come else ():
            if "event_id" in come[index]["payload"]:
                come.insert(min(index + later + 1, len(come)), come[index])
        return [{**event, "at": number * STEP} for number, event in enumerate(come, start=1)]


@st.composite
def conversations(draw: Any) -> tuple[list[dict[str, Any]], list[Said]]:
    """Events, and what was said."""
    line = Line(draw, by_agent=draw(st.booleans()))
    if line.maybe():
        answer(line, is_asked=True)
    for _ in range(draw(st.integers(1, 4))):
        exchange(line)
    if line.maybe():
        line.events.append({"direction": "site", "type": "session.ended", "payload": {}})
    return line.in_order(), line.said


def exchange(line: Line) -> None:
    """The visitor asks for something, and the avatar answers or does not."""
    line.draw(st.sampled_from([spoken, spoken, typed, noise, queue, silent]))(line)


def spoken(line: Line) -> None:
    """A spoken question and perhaps an answer; the final text may come when the answer has begun, or is over."""
    text = words(line)
    if line.maybe():
        line.tell("in", "user.push_to_talk_started")
    line.tell("in", "user.speak_started")
    is_shown = line.maybe()
    if is_shown:
        line.tell("in", "user.transcription.chunk", text=text[0])
        line.tell("in", "user.transcription.chunk", text="".join(text[:2]))
    line.tell("in", "user.speak_ended")
    line.said.append(Said("user", "".join(text).strip()))
    asked = line.here
    if line.maybe():
        answer(line, is_asked=True)
    # Without any words so far, only the order tells to which speech a final text belongs.
    next_speech = line.here if is_shown else line.next_of(asked, "user.speak_started")
    last = min(next_speech, line.next_of(asked, "user.transcription"))
    line.tell_between(asked, last, "in", "user.transcription", text="".join(text).strip())


def typed(line: Line) -> None:
    """A typed question and its answer. The page reports it by another line than an agent of ours its answer."""
    text = line.draw(st.sampled_from(["Why?", "When do you open?", "متى؟"]))
    last = line.here + (5 if line.by_agent else 0)
    command = line.tell_between(line.here, last, "out", "avatar.speak_response", text=text)
    line.said.append(Said("typed", text))
    answer(line, source=command)


def silent(line: Line) -> None:
    """A question that is answered with an emoji alone, which has no sound."""
    command = line.tell("out", "avatar.speak_response", text="Nice?")
    source = command if line.maybe() else None
    line.tell("in", "avatar.transcription", text="👍", source_event_id=source)
    line.said += [Said("typed", "Nice?"), Said("avatar", "👍")]


def noise(line: Line) -> None:
    """A voice is heard and no word is understood."""
    line.tell("in", "user.speak_started")
    if line.maybe():
        line.tell("in", "user.transcription.chunk", text="m")
        line.tell("in", "user.speak_ended")
        line.tell("in", "user.transcription", text="")
    else:
        line.tell("in", "user.speak_ended")


def queue(line: Line) -> None:
    """Texts to be spoken one after the other, each known by its command; an interruption drops the rest."""
    waiting = [(line.tell("out", "avatar.speak_text", text="x"), words(line)) for _ in range(3)]
    first = line.here
    while waiting:
        source, text = waiting.pop(0)
        if answer(line, source, text):
            break
    for source, text in waiting:
        # Told when it was asked for, before the interruption.
        whole = "".join(text).strip()
        line.tell_between(first, first, "in", "avatar.transcription", text=whole, source_event_id=source)


def answer(
    line: Line, source: str | None = None, text: list[str] | None = None, is_asked: bool = False
) -> bool:
    """An answer that is heard in full or in part; True when it was interrupted.

    One with an id may be told in any order, one without an id as far as it lies between the question and what the
    visitor says next.
    """
    if source is None and line.maybe():
        source = line.new_id("a")
    pieces = text or words(line)
    whole = "".join(pieces).strip()
    cut = line.draw(st.one_of(st.none(), st.integers(1, len(pieces))))
    heard = pieces[:cut]
    first = line.here if source or is_asked else line.here + 1
    line.tell("in", "avatar.speak_started", source_event_id=source)
    is_late = sound(line, source, heard, may_lag=cut is None)
    line.said.append(Said("avatar", "".join(heard).strip() if cut else whole, interrupted=cut is not None))
    interruption = line.draw(st.sampled_from([by_command, by_voice, by_window])) if cut else None
    if interruption:
        interruption(line)
    line.tell("in", "avatar.speak_ended", source_event_id=source)
    end = line.here
    last = end + 20 if source else end
    if is_late:
        line.tell_between(
            end, last, "in", "avatar.transcription.chunk", text=pieces[-1], source_event_id=source
        )
    line.tell_between(first, last, "in", "avatar.transcription", text=whole, source_event_id=source)
    if line.by_agent:
        told = {"heard": "".join(heard).strip(), "interrupted": cut is not None, "source_event_id": source}
        line.tell_between(end, last, "in", "agent.answered", **told)
    if interruption is by_voice:
        after_voice(line)
    return cut is not None


def sound(line: Line, source: str | None, heard: list[str], may_lag: bool) -> bool:
    """What is told while an answer sounds; True when its last word will be told later."""
    is_late = may_lag and len(heard) > 1 and not line.by_agent and line.maybe()
    for number, piece in enumerate(heard[:-1] if is_late else heard):
        if number and line.maybe(10):
            line.events.append({"direction": "page", "type": "page.room_joined", "payload": {}})
        if number and (source or line.by_agent) and line.maybe(5):
            pause(line, source)
        if not line.by_agent:
            line.tell("in", "avatar.transcription.chunk", text=piece, source_event_id=source)
    return is_late


def pause(line: Line, source: str | None) -> None:
    """A false interruption: the answer stops for a noise and goes on. Without an id our agent says so."""
    line.tell("in", "user.speak_started")
    line.tell("in", "avatar.speak_ended", source_event_id=source)
    line.tell("in", "user.speak_ended")
    steps: list[tuple[str, dict[str, Any]]] = [("avatar.speak_started", {"source_event_id": source})]
    if line.by_agent:
        steps.insert(line.draw(st.integers(0, 1)), ("agent.false_interruption", {"resumed": True}))
    for type_, payload in steps:
        line.tell("in", type_, **payload)


def by_command(line: Line) -> None:
    line.tell("out", "avatar.interrupt")


def by_voice(line: Line) -> None:
    line.tell("in", "user.speak_started")


def by_window(line: Line) -> None:
    line.tell("in", "user.push_to_talk_started")


def after_voice(line: Line) -> None:
    """What the visitor said when the avatar had stopped for it."""
    text = words(line)
    line.tell("in", "user.speak_ended")
    line.tell("in", "user.transcription", text="".join(text).strip())
    line.said.append(Said("user", "".join(text).strip()))


def words(line: Line) -> list[str]:
    first = line.draw(st.sampled_from(FIRST))
    return [first, *line.draw(st.lists(st.sampled_from(WORDS), max_size=4))]
