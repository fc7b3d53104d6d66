"""The control API under `/simulator/`: sessions, faults and credits in JSON."""

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from simulator.console.answers import Wrong, done, members
from simulator.console.state import CONSOLE, Console
from simulator.console.views import session_seen, sessions_seen
from simulator.fault_catalogue import FAULTS
from simulator.faults import BadFault
from simulator.refusals import Refusal
from simulator.running import RunningSession
from simulator.session import EndReason, Session
from simulator.switches import Switch
from simulator.worker import WorkerFailed

LONGEST_TEXT = 2000  # characters of a text to say
LONGEST_TONE = 60.0  # seconds
MOST_CREDITS = Decimal(1_000_000)
TEST_TONE = {"seconds": 2.0, "hertz": 440.0}


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/faults", show_faults),
        web.post("/faults", switch_on),
        web.post("/faults/off", switch_all_off),
        web.post("/faults/{number:[0-9]+}/off", switch_off),
        web.get("/sessions", show_sessions),
        web.get("/sessions/{session_id}", show_session),
        web.post("/sessions/{session_id}/say", say),
        web.post("/sessions/{session_id}/tone", tone),
        web.post("/sessions/{session_id}/interrupt", interrupt),
        web.post("/sessions/{session_id}/end", end),
        web.get("/credits", show_credits),
        web.post("/credits", set_credits),
    )


async def show_faults(request: web.Request) -> web.Response:
    """Return the catalogue of faults, with whether this simulator supports each, and the active faults."""
    catalogue = [
        {
            "fault": fault.name,
            "of": fault.of,
            "title": fault.title,
            "words": fault.words,
            "passing": fault.passing,
            "possible": _console(request).switches.possible(fault),
            "parameters": [
                {**asdict(parameter), "default": parameter.default} for parameter in fault.parameters
            ],
        }
        for fault in FAULTS
    ]
    on = [switch_told(switch) for switch in _console(request).switches]
    return web.json_response({"faults": catalogue, "on": on})


async def switch_on(request: web.Request) -> web.Response:
    """Switch a fault on: `{"fault": name, "session_id"?, "times"?, …parameters}`. Answer 201 with its `id`."""
    console = _console(request)
    asked = await members(request)
    name, session_id, times = (asked.pop(key, None) for key in ("fault", "session_id", "times"))
    if session_id is not None:
        session_id = _running(console, str(session_id)).session.id
    try:
        switch = console.switches.on(name, asked, session_id, times)
    except BadFault as bad:
        raise Wrong(422, *bad.problems) from None
    return done(request, "faults", switch_told(switch), status=201)


async def switch_off(request: web.Request) -> web.Response:
    try:
        switch = _console(request).switches.off(int(request.match_info["number"]))
    except KeyError:
        raise Wrong(404, "That fault is not active") from None
    return done(request, "faults", switch_told(switch))


async def switch_all_off(request: web.Request) -> web.Response:
    _console(request).switches.all_off()
    return done(request, "faults", {"on": []})


async def show_sessions(request: web.Request) -> web.Response:
    return web.json_response({"sessions": await sessions_seen(_console(request))})


async def show_session(request: web.Request) -> web.Response:
    console = _console(request)
    return web.json_response(await session_seen(console, _session(request)))


async def say(request: web.Request) -> web.Response:
    """`{"text"}`: make the avatar say it. Refused in LITE, where all speech comes from the client."""
    if _session(request).config.mode == "LITE":
        raise Wrong(409, "A LITE session plays only the audio that its client sends")
    text = (await members(request)).get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        raise Wrong(422, f"text must have 1 to {LONGEST_TEXT} characters")
    return await _order(request, "say", text=text)


async def tone(request: web.Request) -> web.Response:
    """`{"seconds"?, "hertz"?}`: play a sine tone on the avatar's track. Default: 440 Hz for 2 s."""
    asked = await members(request)
    seconds = _number(asked, "seconds", TEST_TONE["seconds"], 0.1, LONGEST_TONE)
    hertz = _number(asked, "hertz", TEST_TONE["hertz"], 20, 12_000)
    return await _order(request, "tone", seconds=seconds, hertz=hertz)


async def interrupt(request: web.Request) -> web.Response:
    """Stop the avatar's speech."""
    return await _order(request, "interrupt")


async def end(request: web.Request) -> web.Response:
    """`{"reason"?}`: end the session with one of the service's end reasons. Answer when its room is deleted."""
    console = _console(request)
    session = _session(request)
    reason = (await members(request)).get("reason", EndReason.UNKNOWN)
    if reason not in tuple(EndReason):
        raise Wrong(422, f"reason must be one of {', '.join(EndReason)}")
    try:
        await console.sessions.stop(session, EndReason(str(reason)))
    except Refusal:
        raise Wrong(409, "The session has ended") from None
    return done(request, "sessions", await session_seen(console, session))


async def show_credits(request: web.Request) -> web.Response:
    return web.json_response({"credits_left": str(_console(request).credits.left)})


async def set_credits(request: web.Request) -> web.Response:
    """`{"left"}` sets the balance, `{"add"}` adds to it."""
    credits = _console(request).credits
    asked = await members(request)
    if len(asked) != 1 or not asked.keys() <= {"left", "add"}:
        raise Wrong(422, "Send either left or add")
    name, value = asked.popitem()
    amount = _amount(name, value)
    credits.refill(amount if name == "left" else credits.left + amount)
    _console(request).log.record(None, "note", "console", "credits set", {"credits_left": str(credits.left)})
    return done(request, "account", {"credits_left": str(credits.left)})


def switch_told(switch: Switch) -> dict[str, Any]:
    """Return an active fault with its parameters as a JSON object."""
    return {
        "id": switch.id,
        "fault": switch.fault.name,
        "session_id": switch.session_id,
        "times": switch.left,
        **switch.values,
    }


async def _order(request: web.Request, do: str, **what: Any) -> web.Response:
    console = _console(request)
    running = _running(console, request.match_info["session_id"])
    try:
        await running.order(do, **what)
    except WorkerFailed as error:
        raise Wrong(409, f"The session cannot do that: {error}") from None
    console.log.record(running.session.id, "note", "console", do, what)
    return done(request, "sessions", {"session_id": running.session.id, "do": do, **what})


def _console(request: web.Request) -> Console:
    return request.config_dict[CONSOLE]


def _session(request: web.Request) -> Session:
    try:
        return _console(request).sessions.find(request.match_info["session_id"])
    except Refusal:
        raise Wrong(404, "There is no such session") from None


def _running(console: Console, session_id: str) -> RunningSession:
    running = console.sessions.running(session_id)
    if running is None:
        raise Wrong(404, f"No session {session_id!r} is running")
    return running


def _number(asked: dict[str, object], name: str, default: float, low: float, high: float) -> float:
    value = asked.get(name, default)
    try:
        number = float(value) if isinstance(value, int | float | str) else float("nan")
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise Wrong(422, f"{name} must be a number from {low:g} to {high:g}")
    return number


def _amount(name: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST_CREDITS:
        raise Wrong(422, f"{name} must be a number of credits from 0 to {MOST_CREDITS}")
    return amount
