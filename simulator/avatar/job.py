"""The parent's orders to an avatar process: JSON lines on its standard input."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.avatar.rig import AVATARS, SIZES
from voice.settings import Endpoint
from voice.speaking.speaker import Voice


class BadOrder(Exception):
    """An unknown order: parent and avatar process are not of the same version."""


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a session, with its dynamic variables filled in."""

    prompt: str
    opening_text: str
    faqs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Appearance:
    """The avatar, its room and its picture. `size` is width and height in pixels."""

    session_id: str
    livekit_url: str
    avatar_token: str = field(repr=False)
    avatar: str
    size: tuple[int, int]
    encoding: str


@dataclass(frozen=True, slots=True)
class LiteJob(Appearance):
    """The start of a LITE session. `longest_buffer`: seconds of sound that may wait to be played."""

    longest_buffer: float


@dataclass(frozen=True, slots=True)
class Job(Appearance):
    """The start of a FULL session. Without a `context` nothing is answered (LiveAvatar docs, contexts).

    `llm`: the session's LLM configuration. `language`: the BCP-47 code of the spoken language.
    """

    agent_token: str = field(repr=False)
    voice: Voice
    context: Context | None
    push_to_talk: bool
    language: str
    llm: Endpoint | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """The order to leave. A `reason` is announced to the room first; None announces nothing."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """Any other order, for the running session: `do` is one of OTHERS."""

    do: str
    members: Mapping[str, Any] = field(repr=False)


OTHERS = frozenset({"faults", "say", "tone", "interrupt", "socket", "media"})


def parse_order(line: bytes) -> Job | LiteJob | Stop | Order:
    """Parse a line. Raises `BadOrder`, whose text holds none of the values: some are secret."""
    try:
        order = json.loads(line)
        if order["do"] == "start":
            return _lite_job(order) if order.get("mode") == "LITE" else _job(order)
        if order["do"] == "stop":
            return Stop(order.get("reason"))
        if order["do"] in OTHERS:
            return Order(order["do"], order)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadOrder(f"unreadable order: {type(error).__name__}") from None
    raise BadOrder("unknown order")


def _appearance(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "session_id": order["session_id"],
        "livekit_url": order["livekit_url"],
        "avatar_token": order["avatar_token"],
        "avatar": order["avatar"] if order["avatar"] in AVATARS else AVATARS[0],
        "size": SIZES[order["quality"]],
        "encoding": order["encoding"],
    }


def _lite_job(order: Mapping[str, Any]) -> LiteJob:
    return LiteJob(**_appearance(order), longest_buffer=float(order["longest_buffer"]))


def _job(order: Mapping[str, Any]) -> Job:
    voice = order["voice"]
    return Job(
        **_appearance(order),
        agent_token=order["agent_token"],
        voice=Voice(voice["espeak"], int(voice["rate"]), int(voice["pitch"])),
        context=_context(order["context"], order.get("dynamic_variables") or {}),
        push_to_talk=order["interactivity_type"] == "PUSH_TO_TALK",
        language=order.get("language") or "en",
        llm=_llm(order.get("llm")),
    )


def _context(context: Mapping[str, Any] | None, variables: Mapping[str, str]) -> Context | None:
    if context is None:
        return None
    return Context(
        prompt=fill_in(context["prompt"], variables),
        opening_text=fill_in(context.get("opening_text") or "", variables),
        faqs=tuple(fill_in(link["faq"], variables) for link in context.get("links") or ()),
    )


def _llm(llm: Mapping[str, Any] | None) -> Endpoint | None:
    if llm is None:
        return None
    return Endpoint(llm["base_url"].rstrip("/"), llm["model"], llm["api_key"])


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Replace every known `${name}` in `text` (LiveAvatar docs, dynamic variables); unknown ones stay."""
    return re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], match[0]), text)
