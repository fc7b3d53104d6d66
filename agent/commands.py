"""What the page asks of the agent, as data packets in the room: the commands of FULL mode, which the agent obeys here.

Read from untrusted packets. Names and members: LiveAvatar docs, full-mode events.
"""

import json
from dataclasses import dataclass

TOPIC = "agent-control"
SAY, ASK = "avatar.speak_text", "avatar.speak_response"
INTERRUPT = "avatar.interrupt"
START_LISTENING, STOP_LISTENING = "avatar.start_listening", "avatar.stop_listening"
TONE = "avatar.test_tone"  # ours: the service has no such command

PLAIN = frozenset({INTERRUPT, START_LISTENING, STOP_LISTENING, TONE})
LONGEST_TEXT = 5000  # characters


@dataclass(frozen=True, slots=True)
class Command:
    kind: str
    text: str = ""


def parse_command(packet: bytes) -> Command | None:
    """None for what is no command of ours; the service too answers such packets with silence."""
    try:
        message = json.loads(packet)
    except (ValueError, RecursionError):
        return None
    return command_of(message)


def command_of(message: object) -> Command | None:
    """The command in a JSON object: from the room, or from the site on behalf of staff."""
    if not isinstance(message, dict):
        return None
    kind, text = message.get("event_type"), message.get("text")
    if not isinstance(kind, str):
        return None
    if kind in (SAY, ASK):
        usable = isinstance(text, str) and text.strip() and len(text) <= LONGEST_TEXT
        return Command(kind, text.strip()) if usable and isinstance(text, str) else None
    return Command(kind) if kind in PLAIN else None
