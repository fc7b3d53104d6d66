"""The console's page. Without script its forms work; with script it also updates itself."""

from collections.abc import Iterable, Mapping
from importlib.resources import files

from aiohttp import web

from simulator.console.account_panel import conditions, connecting, credits_left, refill_form
from simulator.console.fault_forms import fault_groups, switched_on
from simulator.console.html import Child, Markup, element, together
from simulator.console.log_rows import filter_form, rows
from simulator.console.session_cards import session_list
from simulator.console.state import CONSOLE, Console
from simulator.console.views import sessions_seen
from simulator.session import State

SHEETS = ("frame", "controls", "sessions", "events", "faults", "account")
STATIC = str(files("simulator.console") / "static")


def routes() -> Iterable[web.AbstractRouteDef]:
    return web.get("/", show), web.static("/static", STATIC)


async def show(request: web.Request) -> web.Response:
    return await page(request)


async def page(request: web.Request, problems: tuple[str, ...] = (), status: int = 200) -> web.Response:
    """Return the whole page. `problems` of a refused form appear in a notice at its top."""
    console = request.config_dict[CONSOLE]
    seen = await sessions_seen(console)
    live = [session["id"] for session in seen if session["state"] != State.ENDED]
    last = console.log.last
    main = together(
        _notice(problems),
        element(
            "div",
            _section(
                "sessions",
                "Sessions",
                session_list(seen),
                count=element("span", len(live), class_="count", id="count-sessions", data_live=True),
            ),
            _events(console, request.query, [session["id"] for session in seen]),
            class_="columns",
        ),
        _section(
            "faults",
            "Faults",
            element(
                "div", switched_on(console.switches), id="switched-on", class_="switched-on", data_live=True
            ),
            element("div", fault_groups(live, console.switches), class_="groups"),
            lead="Make the service fail on purpose and watch how your client reacts.",
        ),
        element(
            "div",
            _section(
                "connect",
                "Connect a client",
                connecting(console.addresses, embedded_rooms=console.settings.livekit is None),
            ),
            element(
                "div",
                _section(
                    "account",
                    "Credits",
                    element("div", credits_left(console.credits), id="credits-left", data_live=True),
                    refill_form(),
                ),
                _section(
                    "conditions",
                    "This machine",
                    element("div", conditions(console.log.conditions()), id="condition-list", data_live=True),
                ),
                class_="stack",
            ),
            class_="columns even",
        ),
    )
    return web.Response(
        text="<!doctype html>\n" + _document(main, last),
        status=status,
        content_type="text/html",
        charset="utf-8",
    )


def _events(console: Console, filters: Mapping[str, str], session_ids: list[str]) -> Markup:
    listed = rows(console.log.since(), filters)
    return _section(
        "events",
        "Events",
        filter_form(filters, session_ids),
        element("p", "No events yet.", class_="empty", data_nothing=True, hidden=bool(listed)),
        element("div", listed, class_="log", data_log=True, id="log"),
    )


def _section(name: str, title: str, *children: Child, count: Child = None, lead: str = "") -> Markup:
    return element(
        "section",
        element(
            "div",
            element("h2", title, id=f"{name}-title"),
            count,
            element("p", lead, class_="soft") if lead else None,
            class_="heading",
        ),
        *children,
        id=name,
        class_=f"panel panel-{name}",
        aria_labelledby=f"{name}-title",
    )


def _notice(problems: tuple[str, ...]) -> Markup | None:
    if not problems:
        return None
    return element(
        "div",
        element("strong", "The request was refused."),
        element("ul", [element("li", problem) for problem in problems]),
        class_="notice",
        role="alert",
    )


def _document(main: Markup, last: int) -> Markup:
    static = "/simulator/static"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", "LiveAvatar simulator"),
        element("link", rel="icon", href=f"{static}/icon.svg", type="image/svg+xml"),
        [element("link", rel="stylesheet", href=f"{static}/{sheet}.css") for sheet in SHEETS],
        element("script", type="module", src=f"{static}/console.js"),
    )
    anchors = [("sessions", "Sessions"), ("events", "Events"), ("faults", "Faults"), ("connect", "Connect")]
    header = element(
        "header",
        element(
            "a",
            element("img", src=f"{static}/icon.svg", alt="", width=28, height=28),
            element("span", "LiveAvatar simulator"),
            href="/simulator/",
            class_="brand",
        ),
        element(
            "nav", [element("a", title, href=f"#{name}") for name, title in anchors], aria_label="Sections"
        ),
        element(
            "span",
            element("span", class_="dot"),
            element("span", "Connecting…", data_stream_state=True),
            class_="live",
            data_stream="waiting",
            data_with_script=True,
            hidden=True,
        ),
        class_="top",
    )
    body = element(
        "body",
        element("a", "Skip to the content", href="#main", class_="skip-link"),
        header,
        element("main", main, id="main", tabindex="-1", data_last=last),
        element("p", class_="toast", role="status", aria_live="polite", data_toast=True),
    )
    return element("html", head, body, lang="en")
