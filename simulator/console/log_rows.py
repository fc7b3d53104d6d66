"""The page's list of events."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from simulator.console.html import Markup, element
from simulator.console.icons import icon
from simulator.event_log import CHANNELS, DIRECTIONS, Entry

SHOWN = 300  # entries in the initial page
COLOURS = 8  # classes tag-0 to tag-7 in controls.css
SUMMARY_CHARACTERS = 220
ARROWS = {"in": ("→", "from the client"), "out": ("←", "to the client"), "note": ("•", "note")}


def rows(entries: Iterable[Entry], filters: Mapping[str, str]) -> list[Markup]:
    """Return the latest entries that match the filters, newest first."""
    found = [entry for entry in entries if _passes(entry, filters)]
    return [row(entry) for entry in reversed(found[-SHOWN:])]


def row(entry: Entry) -> Markup:
    """Return one entry. Opening it shows the complete JSON."""
    arrow, words = ARROWS[entry.direction]
    return element(
        "details",
        element(
            "summary",
            element("time", _clock(entry.at), datetime=_moment(entry.at).isoformat(), class_="at"),
            element(
                "span", arrow, class_=f"way way-{entry.direction}", role="img", aria_label=words, title=words
            ),
            element("span", entry.channel, class_="channel"),
            element("span", entry.name, class_="name"),
            element("span", summary(entry.message), class_="gist"),
            session_tag(entry.session_id) if entry.session_id else None,
        ),
        element("pre", json.dumps(asdict(entry), indent=2, ensure_ascii=False), tabindex="0"),
        class_="entry",
        data_number=entry.number,
        data_direction=entry.direction,
        data_channel=entry.channel,
        data_session=entry.session_id or "",
    )


def session_tag(session_id: str) -> Markup:
    """Return the first characters of a session's id. The colour depends on the id."""
    colour = zlib.crc32(session_id.encode()) % COLOURS
    return element("span", session_id[:8], class_=f"tag tag-{colour}", title=f"session {session_id}")


def summary(message: Mapping[str, object]) -> str:
    """Return the members in one line, without those that every event has."""
    told = {
        name: value
        for name, value in message.items()
        if value is not None and name not in ("event_id", "event_type", "type", "session_id", "is")
    }
    text = "  ".join(f"{name}={_plain(value)}" for name, value in told.items())
    return text if len(text) <= SUMMARY_CHARACTERS else text[: SUMMARY_CHARACTERS - 1] + "…"


def filter_form(filters: Mapping[str, str], session_ids: Iterable[str]) -> Markup:
    """Return the filters: a GET form. With script the page filters while the user types."""
    return element(
        "form",
        element(
            "label",
            element("span", "Text", class_="label"),
            element(
                "input", name="q", type="search", value=filters.get("q", ""), placeholder="Find in events"
            ),
            class_="field grow",
        ),
        _select("Direction", "direction", DIRECTIONS, filters),
        _select("Channel", "channel", CHANNELS, filters),
        _select("Session", "session", session_ids, filters),
        element("button", "Filter", class_="button", data_without_script=True),
        element(
            "span",
            element(
                "button",
                icon("pause"),
                "Pause",
                type="button",
                class_="button quiet",
                data_pause=True,
                aria_pressed="false",
            ),
            element(
                "button", icon("copy"), "Copy", type="button", class_="button quiet", data_copy_events=True
            ),
            class_="tools",
            data_with_script=True,
            hidden=True,
        ),
        action="/simulator/#events",
        class_="filters",
        data_filters=True,
        role="search",
        aria_label="Events",
    )


def _select(title: str, name: str, options: Iterable[str], filters: Mapping[str, str]) -> Markup:
    chosen = filters.get(name, "")
    listed = [
        element(
            "option", option[:8] if name == "session" else option, value=option, selected=option == chosen
        )
        for option in options
    ]
    everything = element("option", f"Any {title.lower()}", value="")
    return element(
        "label",
        element("span", title, class_="label"),
        element("select", everything, listed, name=name, id=f"filter-{name}", data_live=True),
        class_="field",
    )


def _passes(entry: Entry, filters: Mapping[str, str]) -> bool:
    if filters.get("direction", entry.direction) not in ("", entry.direction):
        return False
    if filters.get("channel", entry.channel) not in ("", entry.channel):
        return False
    if filters.get("session") and filters["session"] != entry.session_id:
        return False
    text = filters.get("q", "").casefold()
    return text in f"{entry.name} {json.dumps(dict(entry.message), ensure_ascii=False)}".casefold()


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _clock(at: int) -> str:
    """Return local time: the console's user is on the same machine."""
    return _moment(at).astimezone().strftime("%H:%M:%S.%f")[:-3]
