"""Reads untrusted frames: a frame becomes Events, and InvalidEvents with a code for the sender."""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sessions_app.models import SessionEvent

MAX_FRAME = 65_536  # bytes; also the server's limit for a websocket message
MAX_EVENTS = 50  # per frame
MAX_PAYLOAD = 16_384  # characters of JSON
MAX_SEQ = 2**31 - 1
SOURCE = re.compile(r"page-[0-9a-zA-Z]{4,32}")
TYPE = re.compile(r"[\x21-\x7e]{1,64}")
FROM_PAGE = frozenset({"in", "out", "page"})
EARLIEST, LATEST = 946_684_800_000, 4_102_444_800_000  # ms: the years 2000 and 2100


class InvalidFrame(ValueError):
    """The frame as a whole cannot be read. The socket is closed."""


class InvalidEvent(ValueError):
    """One event of a frame is refused. Its sequence number is acknowledged, so that it is not sent again."""

    def __init__(self, code: str, message: str, seq: int) -> None:
        super().__init__(message)
        self.code = code
        self.seq = seq


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    type: str
    direction: str
    occurred_at: datetime
    payload: dict[str, Any]


def parse_frame(text: str) -> dict[str, Any]:
    """Read one JSON object with a `type`. Raises InvalidFrame."""
    if len(text) > MAX_FRAME:
        raise InvalidFrame(f"a frame has at most {MAX_FRAME} bytes")
    try:
        frame = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidFrame("the frame is not JSON") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise InvalidFrame("a frame is an object with a type")
    return frame


def parse_source(value: object) -> str:
    """Return the name under which a page numbers its events. Raises InvalidFrame."""
    if not isinstance(value, str) or not SOURCE.fullmatch(value):
        raise InvalidFrame("source must be page- and 4 to 32 letters or digits")
    return value


def parse_events(frame: dict[str, Any]) -> tuple[list[Event], list[InvalidEvent]]:
    """Read a frame's events, and list the refused ones. Raises InvalidFrame."""
    items = frame.get("events")
    if not isinstance(items, list) or len(items) > MAX_EVENTS:
        raise InvalidFrame(f"events must be a list of at most {MAX_EVENTS}")
    events: list[Event] = []
    refused: list[InvalidEvent] = []
    for item in items:
        try:
            events.append(parse_event(item))
        except InvalidEvent as error:
            refused.append(error)
    return events, refused


def parse_event(item: object) -> Event:
    """Read one event. Raises InvalidEvent, or InvalidFrame if its sequence number cannot be read."""
    if not isinstance(item, dict):
        raise InvalidFrame("an event is an object")
    seq = item.get("seq")
    if type(seq) is not int or not 1 <= seq <= MAX_SEQ:
        raise InvalidFrame("an event needs a seq of 1 or more")
    kind, direction = item.get("type"), item.get("direction")
    if not isinstance(kind, str) or not TYPE.fullmatch(kind):
        raise InvalidEvent("event.type", "type must be 1 to 64 plain characters", seq)
    if not isinstance(direction, str) or direction not in FROM_PAGE:
        raise InvalidEvent("event.direction", "direction must be in, out or page", seq)
    return Event(seq, kind, direction, _moment(item.get("at"), seq), _payload(item.get("payload", {}), seq))


def refusal(error: InvalidEvent) -> Event:
    """Return the event to store in place of a refused one, so that its sequence number leaves no gap."""
    return Event(
        error.seq,
        "event.refused",
        SessionEvent.Direction.SITE,
        datetime.now(UTC),
        {"code": error.code, "message": str(error)},
    )


def _moment(at: object, seq: int) -> datetime:
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise InvalidEvent("event.at", "at must be a number of milliseconds", seq)
    # A page with a wrong clock is accepted; received_at has the site's time.
    return datetime.fromtimestamp(min(max(at, EARLIEST), LATEST) / 1000, UTC)


def _payload(payload: object, seq: int) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise InvalidEvent("event.payload", "payload must be an object", seq)
    try:
        text = json.dumps(payload)
        if len(text) > MAX_PAYLOAD:
            raise InvalidEvent("event.too_large", f"a payload has at most {MAX_PAYLOAD} characters", seq)
        # PostgreSQL stores no NUL and no lone surrogate; one such event would fail its whole batch.
        suspect = "\\u0000" in text or "\\ud" in text
        return {_text(key): _storable(item) for key, item in payload.items()} if suspect else payload
    except RecursionError:
        raise InvalidEvent("event.payload", "payload is nested too deeply", seq) from None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _storable(item) for key, item in value.items()}
    return value


def _text(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
