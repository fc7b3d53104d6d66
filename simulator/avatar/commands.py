"""Commands of the data topic `agent-control`, parsed from untrusted packets.

Names and members: LiveAvatar docs, full-mode events. `event_id` is optional: web SDK 0.0.18 omits it on interrupt and
push-to-talk.
"""

import json
from dataclasses import dataclass

TOPIC = "agent-control"
SPEAK_TEXT, SPEAK_RESPONSE = "avatar.speak_text", "avatar.speak_response"
INTERRUPT = "avatar.interrupt"
START_LISTENING, STOP_LISTENING = "avatar.start_listening", "avatar.stop_listening"
START_PUSH_TO_TALK, STOP_PUSH_TO_TALK = "user.start_push_to_talk", "user.stop_push_to_talk"

WITH_TEXT = frozenset({SPEAK_TEXT, SPEAK_RESPONSE})
PLAIN = frozenset({INTERRUPT, START_LISTENING, STOP_LISTENING, START_PUSH_TO_TALK, STOP_PUSH_TO_TALK})
LONGEST_TEXT = 10_000  # characters; more than ten minutes of speech
LONGEST_ID = 128


class BadCommand(Exception):
    """The packet is no command of this avatar. Such packets get no answer, as at the service."""


@dataclass(frozen=True, slots=True)
class Command:
    """`event_id` is the sender's id or None; `text` is empty for commands without a text."""

    type: str
    event_id: str | None = None
    text: str = ""


def parse_command(packet: bytes) -> Command:
    """Parse a packet. Raises `BadCommand`, whose text names the fault."""
    try:
        message = json.loads(packet)
    except (ValueError, RecursionError) as error:
        raise BadCommand("not JSON") from error
    if not isinstance(message, dict):
        raise BadCommand("not an object")
    kind, event_id = message.get("event_type"), message.get("event_id")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= LONGEST_ID:
        event_id = None  # the command is usable without it
    if not isinstance(kind, str):
        raise BadCommand("no event_type")
    if kind in WITH_TEXT:
        return Command(kind, event_id, _text(message.get("text")))
    if kind in PLAIN:
        return Command(kind, event_id)
    raise BadCommand(f"unknown event_type {kind[:64]!r}")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadCommand("text is missing or empty")
    if len(value) > LONGEST_TEXT:
        raise BadCommand(f"text is longer than {LONGEST_TEXT} characters")
    return value.encode(errors="replace").decode()  # JSON may hold lone surrogates, UTF-8 may not
