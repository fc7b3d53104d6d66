"""The page's section of faults, with one form per fault."""

from collections.abc import Iterable

from simulator.console.html import Markup, element, together
from simulator.console.icons import icon
from simulator.console.log_rows import session_tag
from simulator.fault_catalogue import FAULTS
from simulator.faults import Choice, Fault, Parameter
from simulator.switches import Switch, Switches

GROUPS = (
    ("request", "API calls", "Applied to calls of token, start, stop and keep-alive."),
    ("session", "Sessions", "Applied to one running session, or to sessions that start from now on."),
)


def switched_on(switches: Iterable[Switch]) -> Markup:
    """Return the active faults, with buttons to switch them off."""
    on = list(switches)
    if not on:
        return element("p", icon("check"), "No fault is active.", class_="healthy")
    return together(
        element("ul", [_switch(switch) for switch in on], class_="switches"),
        _form("/simulator/faults/off", element("button", "Switch all off", class_="button")),
    )


def fault_groups(session_ids: Iterable[str], switches: Switches) -> list[Markup]:
    """Return the forms of all faults. A session fault can target one of `session_ids` or future sessions."""
    ids = list(session_ids)
    return [
        element(
            "section",
            element("h3", title),
            element("p", words, class_="soft"),
            element(
                "div",
                [
                    _fault(fault, ids) if switches.possible(fault) else _impossible(fault)
                    for fault in FAULTS
                    if fault.of == of
                ],
                class_="faults",
            ),
            class_="group",
        )
        for of, title, words in GROUPS
    ]


def _switch(switch: Switch) -> Markup:
    values = "  ".join(f"{name} {_plain(value)}" for name, value in switch.values.items())
    return element(
        "li",
        element("strong", _spoken(switch.fault.title)),
        element("span", values, class_="soft") if values else None,
        session_tag(switch.session_id)
        if switch.session_id
        else element("span", _range(switch), class_="chip"),
        _form(
            f"/simulator/faults/{switch.id}/off",
            element(
                "button", "Switch off", class_="button small", aria_label=f"Switch off {switch.fault.title}"
            ),
        ),
    )


def _range(switch: Switch) -> str:
    what = "request" if switch.fault.of == "request" else "start"
    if switch.left is None:
        return f"every {what}"
    return f"the next {what}" if switch.left == 1 else f"the next {switch.left} {what}s"


def _fault(fault: Fault, session_ids: list[str]) -> Markup:
    return element(
        "details",
        _summary(fault),
        _form(
            "/simulator/faults",
            element("input", type="hidden", name="fault", value=fault.name),
            [_field(fault, parameter) for parameter in fault.parameters],
            _target(fault, session_ids) if fault.of == "session" else None,
            _times(fault),
            element("button", "Switch on", class_="button primary", aria_label=f"Switch on {fault.title}"),
        ),
        class_="fault",
        id=f"fault-{fault.name}",
    )


def _impossible(fault: Fault) -> Markup:
    why = "This fault needs the embedded room server, but SIMULATOR_LIVEKIT_URL names another."
    return element(
        "details", _summary(fault), element("p", why, class_="soft"), class_="fault", id=f"fault-{fault.name}"
    )


def _summary(fault: Fault) -> Markup:
    return element(
        "summary",
        element("span", _spoken(fault.title), class_="title"),
        element("span", _spoken(fault.words), class_="words"),
    )


def _field(fault: Fault, parameter: Parameter) -> Markup:
    if isinstance(parameter, Choice):
        options = [element("option", option, value=option) for option in parameter.options]
        control = element("select", options, name=parameter.name)
    else:
        control = element(
            "input",
            name=parameter.name,
            type="number",
            value=f"{parameter.default:g}",
            min=f"{parameter.low:g}",
            max=f"{parameter.high:g}",
            step="any",
            required=True,
        )
    return element("label", element("span", parameter.words, class_="label"), control, class_="field")


def _target(fault: Fault, session_ids: list[str]) -> Markup:
    options = [element("option", f"Session {session_id[:8]}", value=session_id) for session_id in session_ids]
    return element(
        "label",
        element("span", "Applies to", class_="label"),
        element(
            "select",
            element("option", "New sessions", value=""),
            options,
            name="session_id",
            id=f"target-{fault.name}",
            data_live=True,
            data_target=True,
        ),
        class_="field",
    )


def _times(fault: Fault) -> Markup:
    words = "Requests (empty: all)" if fault.of == "request" else "Starts (empty: all)"
    control = element("input", name="times", type="number", min=1, placeholder="all", data_times=True)
    return element("label", element("span", words, class_="label"), control, class_="field")


def _form(action: str, *children: Markup | list[Markup] | None) -> Markup:
    return element("form", *children, method="post", action=action, data_fetch=True)


def _spoken(words: str) -> Markup:
    """Return the text with the parts between backticks as code."""
    parts = words.split("`")
    return together(element("code", part) if index % 2 else part for index, part in enumerate(parts))


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
