"""The commands of a page or of staff: FULL mode's, which the agent carries out in CUSTOM mode.

They come from untrusted data packets. Names and members: LiveAvatar docs, full-mode events.
"""

import json
from dataclasses import dataclass

TOPIC = "agent-control"
SPEAK_TEXT, SPEAK_RESPONSE = "avatar.speak_text", "avatar.speak_response"
INTERRUPT = "avatar.interrupt"
START_LISTENING, STOP_LISTENING = "avatar.start_listening", "avatar.stop_listening"
TEST_TONE = "avatar.test_tone"  # ours: the service has no such command

WITH_TEXT = frozenset({SPEAK_TEXT, SPEAK_RESPONSE})
WITHOUT_TEXT = frozenset({INTERRUPT, START_LISTENING, STOP_LISTENING, TEST_TONE})
MAX_TEXT = 5000  # characters


@dataclass(frozen=True, slots=True)
class Command:
    kind: str
    text: str = ""


def parse_packet(packet: bytes) -> Command | None:
    """Read a data packet; None when it is not a command: the service too ignores such packets."""
    try:
        message = json.loads(packet)
    except (ValueError, RecursionError):
        return None
    return read_command(message)


def read_command(message: object) -> Command | None:
    """Read the JSON object of a command; None when it is not one."""
    if not isinstance(message, dict):
        return None
    kind, text = message.get("event_type"), message.get("text")
    if not isinstance(kind, str):
        return None
    if kind in WITHOUT_TEXT:
        return Command(kind)
    if kind in WITH_TEXT and isinstance(text, str) and text.strip() and len(text) <= MAX_TEXT:
        return Command(kind, text.strip())
    return None
