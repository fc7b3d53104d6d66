"""The page's section of sessions."""

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.console.html import Child, Markup, element, together
from simulator.console.icons import icon
from simulator.console.log_rows import session_tag
from simulator.session import EndReason, State

Seen = Mapping[str, Any]

NONE_YET = (
    "No running session. Start one from the site, or point any LiveAvatar client at this address. The session then "
    "appears here."
)


def session_list(sessions: Iterable[Seen]) -> Markup:
    """Return cards with controls for the running sessions, then a list of ended ones."""
    listed = list(sessions)
    live = [session for session in listed if session["state"] != State.ENDED]
    over = [session for session in listed if session["state"] == State.ENDED]
    return together(
        element(
            "div", [_card(session) for session in live], class_="cards", id="live-sessions", data_keyed=True
        ),
        element(
            "div",
            element("p", NONE_YET, class_="empty") if not live else None,
            element("h3", "Ended", class_="minor") if over else None,
            element("ul", [_past(session) for session in over], class_="past") if over else None,
            id="past-sessions",
            data_live=True,
        ),
    )


def _card(session: Seen) -> Markup:
    key = f"session-{session['id']}"
    return element(
        "article",
        element("header", _headline(session), id=f"{key}-head", data_live=True),
        element(
            "div", _facts(session), _participants(session["participants"]), id=f"{key}-facts", data_live=True
        ),
        _controls(session),
        id=key,
        class_="card",
        aria_label=f"Session {session['id'][:8]}",
    )


def _headline(session: Seen) -> Markup:
    return together(
        element("span", session["state"], class_=f"badge badge-{session['state']}"),
        element("strong", session["avatar"]),
        element("span", session["mode"], class_="chip"),
        element("span", "sandbox", class_="chip") if session["is_sandbox"] else None,
        session_tag(session["id"]),
    )


def _facts(session: Seen) -> Markup:
    remaining = session["remaining"]
    facts: list[tuple[str, Child]] = [
        ("Age", element("span", _clock(session["age"]), data_counts="up", data_seconds=session["age"])),
        (
            "Remaining",
            element("span", _clock(remaining), data_counts="down", data_seconds=int(remaining))
            if remaining is not None
            else "not running",
        ),
        ("Credits", f"{session['credits_consumed']:g}"),
        ("Lines", session["lines"]),
    ]
    if session["media_connected"] is not None:
        facts.append(("Websocket", "connected" if session["media_connected"] else "not connected"))
    return element(
        "dl",
        [element("div", element("dt", name), element("dd", value)) for name, value in facts],
        element("div", element("dt", "Id"), element("dd", element("code", session["id"])), class_="wide"),
        class_="facts",
    )


def _participants(participants: list[Seen]) -> Markup:
    if not participants:
        return element("p", "No participants.", class_="empty")
    return element("ul", [_participant(participant) for participant in participants], class_="participants")


def _participant(participant: Seen) -> Markup:
    tracks = [_track(track) for track in participant["tracks"]]
    return element(
        "li",
        element("span", participant["identity"], class_="identity", title=participant["identity"]),
        element("span", participant["kind"], class_="chip"),
        element("span", tracks or element("span", "no tracks", class_="soft"), class_="tracks"),
    )


def _track(track: Seen) -> Markup:
    size = f" {track['width']}x{track['height']}" if track["width"] else ""
    muted = ", muted" if track["muted"] else ""
    return element(
        "span", icon(track["kind"]), f"{track['codec'] or track['kind']}{size}{muted}", class_="track"
    )


def _controls(session: Seen) -> Markup:
    at = f"/simulator/sessions/{session['id']}"
    return element(
        "div",
        _say(at) if session["mode"] == "FULL" else None,
        element(
            "div",
            _form(f"{at}/tone", element("button", icon("tone"), "440 Hz tone", class_="button")),
            _form(f"{at}/interrupt", element("button", icon("stop"), "Interrupt", class_="button")),
            _form(
                f"{at}/end",
                element(
                    "label",
                    element("span", "End reason", class_="visually-hidden"),
                    element(
                        "select",
                        [
                            element("option", reason, value=reason, selected=reason is EndReason.USER_CLOSED)
                            for reason in EndReason
                        ],
                        name="reason",
                    ),
                    class_="field grow",
                ),
                element("button", "End", class_="button danger"),
                class_="row grow",
            ),
            class_="row wrap",
        ),
        class_="controls",
    )


def _say(at: str) -> Markup:
    text = element(
        "input", name="text", required=True, maxlength=2000, placeholder="Say this…", autocomplete="off"
    )
    return _form(
        f"{at}/say",
        element("label", element("span", "Text to say", class_="visually-hidden"), text, class_="field grow"),
        element("button", "Say", class_="button primary"),
        class_="row",
    )


def _past(session: Seen) -> Markup:
    return element(
        "li",
        session_tag(session["id"]),
        element("span", session["avatar"], " ", session["mode"]),
        element("span", session["end_reason"], class_="reason"),
        element("span", _clock(session["age"]), class_="soft"),
    )


def _form(action: str, *children: Markup, class_: str = "") -> Markup:
    return element("form", *children, method="post", action=action, class_=class_ or None, data_fetch=True)


def _clock(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
