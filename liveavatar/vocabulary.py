"""The words of the FULL-mode data channel, verbatim (LiveAvatar docs, full-mode events; web SDK 0.0.18).

Every packet is a UTF-8 JSON object with `event_type`. The fields of an event stand beside it, not nested:
`event_id`, `session_id`, `source_event_id` (the command that caused it, or null) and, for some, `text`.
"""

from enum import StrEnum

COMMAND_TOPIC = "agent-control"  # from the browser to the vendor
EVENT_TOPIC = "agent-response"  # from the vendor to the browser

AVATAR_IDENTITY = "heygen"  # publishes one video and one audio track


def agent_identity(session_id: str) -> str:
    """Return the identity of the participant that hears the visitor and sends the events."""
    return f"liveavatar-agent-{session_id}"


class Command(StrEnum):
    """The commands of the browser. The first two carry `text`."""

    SPEAK_RESPONSE = "avatar.speak_response"  # the language model answers `text`
    SPEAK_TEXT = "avatar.speak_text"  # the avatar speaks `text` as it is
    INTERRUPT = "avatar.interrupt"
    START_LISTENING = "avatar.start_listening"
    STOP_LISTENING = "avatar.stop_listening"
    START_PUSH_TO_TALK = "user.start_push_to_talk"
    STOP_PUSH_TO_TALK = "user.stop_push_to_talk"


class Event(StrEnum):
    """The events of the vendor. The transcriptions carry `text`."""

    USER_SPEAK_STARTED = "user.speak_started"
    USER_SPEAK_ENDED = "user.speak_ended"
    USER_TRANSCRIPTION = "user.transcription"
    USER_TRANSCRIPTION_CHUNK = "user.transcription.chunk"  # the whole phrase so far: replace
    AVATAR_SPEAK_STARTED = "avatar.speak_started"
    AVATAR_SPEAK_ENDED = "avatar.speak_ended"
    AVATAR_TRANSCRIPTION = "avatar.transcription"
    AVATAR_TRANSCRIPTION_CHUNK = "avatar.transcription.chunk"  # the next words with their spaces: append
    PUSH_TO_TALK_STARTED = "user.push_to_talk_started"
    PUSH_TO_TALK_START_FAILED = "user.push_to_talk_start_failed"
    PUSH_TO_TALK_STOPPED = "user.push_to_talk_stopped"
    PUSH_TO_TALK_STOP_FAILED = "user.push_to_talk_stop_failed"
    SESSION_STOPPED = "session.stopped"


def end_reason_of(event: dict[str, object]) -> str | None:
    """Return why the session stopped. Documents name the member `end_reason`, the web SDK reads `stop_reason`."""
    reason = event.get("end_reason") or event.get("stop_reason")
    return reason if isinstance(reason, str) else None
