"""What goes wrong on purpose in a worker. Switched by the parent while the session runs."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """The defaults are a healthy avatar.

    `silent`: its track carries silence. `frozen`: its picture stands still. `events`: what becomes of events on their
    way out, a name of `simulator.avatar.distortion`; `vocabulary`: "new" or "old". `thinking`: seconds it takes
    before every answer. `farewell`: whether it says session.stopped. `connected_after`: seconds until the media
    websocket hears `connected`, None for never. `stays_without_room`: being put out of the room does not end the
    session.
    """

    silent: bool = False
    frozen: bool = False
    events: str = "healthy"
    vocabulary: str = "new"
    thinking: float = 0.0
    farewell: bool = True
    connected_after: float | None = 0.0
    stays_without_room: bool = False

    def switch(self, changes: dict[str, Any]) -> None:
        """Apply the parent's changes; names of a newer parent are ignored."""
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name in known:
                setattr(self, name, value)
