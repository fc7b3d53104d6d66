"""The cases of tests/cases/turns, read for the tests of the reducer and of the stored turns."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from sessions_app.events.turn_state import Turn

FOLDER = settings.BASE_DIR / "tests" / "cases" / "turns"
STEP = 1_000  # ms


@dataclass(frozen=True)
class Told:
    """One event of a case."""

    direction: str
    type: str
    payload: dict[str, Any]
    at: int


@dataclass(frozen=True)
class Case:
    name: str
    events: list[Told]
    turns: list[dict[str, Any]]


def cases() -> list[Case]:
    found = [case for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text("utf-8"))]
    return [Case(case["name"], told(case["events"]), case["turns"]) for case in found]


def told(steps: list[list[Any]]) -> list[Told]:
    """Read the events of a case; a reload is nothing that the site sees."""
    events: list[Told] = []
    at = 0
    for step in steps:
        padded: list[Any] = [*step, *[None] * (4 - len(step))]
        direction, type_, payload, moment = padded
        at = at + STEP if moment is None else moment
        if direction != "reload":
            whole = {"text": payload} if isinstance(payload, str) else payload or {}
            events.append(Told(direction, type_, whole, at))
    return events


def shown(turns: list[Turn]) -> list[dict[str, Any]]:
    """Turns in the words of a case, in the order in which they are read."""
    spoken = [turn for turn in turns if turn.text or turn.heard]
    return [_shown(turn) for turn in sorted(spoken, key=lambda turn: (turn.place, turn.number))]


def _shown(turn: Turn) -> dict[str, Any]:
    is_interrupted = turn.role == "avatar" and bool(turn.cut)
    heard = turn.heard.strip()
    said = heard if is_interrupted and (heard or not turn.sounded) else turn.text or heard
    words: dict[str, Any] = {"typed" if turn.origin == "typed" else turn.role: said}
    if turn.ended is None:
        words["open"] = True
    if not turn.final:
        words["unfinished"] = True
    if is_interrupted:
        words["interrupted"] = True
    if turn.text and turn.text != said:
        words["text"] = turn.text
    if heard and heard != said:
        words["heard"] = heard
    return words
