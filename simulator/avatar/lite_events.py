"""Events of the media websocket (LiveAvatar docs, lite-mode events).

Every event has its own id in `event_id`, the id of the command that caused it in `source_event_id`, and the id of its
utterance in `task.id`. Known clients each use one of the three.
"""

from typing import Any
from uuid import uuid4

from simulator.avatar.lite_commands import EventId

Event = dict[str, Any]

INVALID_REQUEST, SERVER_ERROR, STARVATION = "invalid_request_error", "server_error", "video_starvation"


def event(kind: str, source: EventId | None = None, **members: Any) -> Event:
    return {"type": kind, "event_id": str(uuid4()), "source_event_id": source, **members}


def about_task(kind: str, task_id: str, source: EventId | None) -> Event:
    """Return an event about one utterance. `source_event_id` is the event id of its first `agent.speak`."""
    return event(kind, source, task={"id": task_id})


def error(kind: str, message: str, event_id: EventId | None) -> Event:
    """Return an error event. `event_id` is that of the command at fault."""
    wrong = {"type": kind, "message": message, "event_id": event_id}
    return {"type": "error", "event_id": str(uuid4()), "error": wrong}


def warning(kind: str, message: str) -> Event:
    return {"type": "warning", "event_id": str(uuid4()), "warning": {"type": kind, "message": message}}
