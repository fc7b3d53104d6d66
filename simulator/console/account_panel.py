"""The page's sections of credits, of this machine's abilities, and of addresses for clients."""

from collections.abc import Iterable

from simulator.addresses import Addresses
from simulator.console.html import Child, Markup, element, together
from simulator.console.icons import icon
from simulator.credits import PER_MINUTE, Credits
from simulator.event_log import Entry


def credits_left(credits: Credits) -> Markup:
    minutes = int(credits.left // PER_MINUTE["FULL"])
    return together(
        element(
            "p", element("strong", f"{credits.left:f}", class_="figure"), " credits left", class_="amount"
        ),
        element(
            "p",
            f"Enough for {minutes} minutes of FULL, or {int(credits.left // PER_MINUTE['LITE'])} of LITE.",
            class_="soft",
        ),
    )


def refill_form() -> Markup:
    return element(
        "form",
        element(
            "label",
            element("span", "Set to", class_="label"),
            element("input", name="left", type="number", min=0, step="any", value=1000, required=True),
            class_="field",
        ),
        element("button", "Set credits", class_="button"),
        method="post",
        action="/simulator/credits",
        class_="row",
        data_fetch=True,
    )


def conditions(entries: Iterable[Entry]) -> Markup:
    """Return the list of abilities that workers reported as present or missing on this machine."""
    items = [_condition(entry) for entry in entries]
    if not items:
        return element("p", "No worker has reported a missing component.", class_="soft")
    return element("ul", items, class_="conditions")


def connecting(addresses: Addresses, *, embedded_rooms: bool) -> Markup:
    """Return addresses and examples.

    Show the room secret only with `embedded_rooms`: it is then the simulator's own.
    """
    environment = (
        f"LIVEAVATAR_API_URL={addresses.api_url}\n"
        f"LIVEKIT_URL={addresses.livekit_url}\n"
        f"LIVEKIT_API_KEY={addresses.livekit_api_key}"
    )
    return together(
        element(
            "dl",
            _address("API", addresses.api_url),
            _address("Room server", addresses.livekit_url),
            _address("Room key", addresses.livekit_api_key),
            class_="addresses",
        ),
        element(
            "details",
            element("summary", "Show the room secret"),
            _copyable(addresses.livekit_api_secret),
            class_="secret",
        )
        if embedded_rooms
        else element(
            "p",
            "The rooms are on the LiveKit server of ",
            element("code", "SIMULATOR_LIVEKIT_URL"),
            ". The embedded one is off.",
            class_="soft",
        ),
        element("h3", "Environment", class_="minor"),
        _block(environment),
        element("h3", "Web SDK", class_="minor"),
        _block(f'new LiveAvatarSession(token, {{ apiUrl: "{addresses.api_url}" }})'),
        element("h3", "From the command line", class_="minor"),
        _block(
            f"curl {addresses.api_url}/simulator/sessions\n"
            f"curl {addresses.api_url}/simulator/faults -d fault=status -d endpoint=start -d status=503 -d times=1\n"
            f"curl -X POST {addresses.api_url}/simulator/faults/off\n"
            f"curl -N {addresses.api_url}/simulator/events/stream"
        ),
    )


def _condition(entry: Entry) -> Markup:
    fine = entry.message.get("ok") is True
    return element(
        "li",
        element("span", icon("check" if fine else "warning"), class_="fine" if fine else "missing"),
        element(
            "span",
            element("strong", str(entry.message.get("name", "")).replace("_", " ")),
            " works" if fine else " is missing",
            element("span", str(entry.message.get("why") or ""), class_="why"),
        ),
    )


def _address(name: str, value: str) -> Markup:
    return element("div", element("dt", name), element("dd", _copyable(value)))


def _copyable(value: str) -> Markup:
    return element("span", element("code", value, data_copied=True), _copy(), class_="copyable")


def _block(text: Child) -> Markup:
    return element(
        "div", element("pre", text, data_copied=True, tabindex="0"), _copy(), class_="copyable block"
    )


def _copy() -> Markup:
    return element(
        "button",
        icon("copy"),
        element("span", "Copy", class_="visually-hidden"),
        type="button",
        class_="icon-button",
        title="Copy",
        data_copy=True,
        data_with_script=True,
        hidden=True,
    )
