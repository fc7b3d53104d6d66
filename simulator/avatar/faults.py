"""The faults of an avatar process. The parent switches them while the session runs."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """The defaults mean a healthy avatar.

    `silent`: the audio track carries silence. `frozen`: the picture stands still. `events`: an event fault of
    `simulator.avatar.distortion`. `vocabulary`: "new" or "old". `thinking`: seconds before every answer. `farewell`:
    send session.stopped. `connected_after`: seconds until the media websocket gets `connected`, None for never.
    `stays_without_room`: the session goes on when the room is lost.
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
        """Apply the parent's changes; unknown names are ignored, as a newer parent may send them."""
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name in known:
                setattr(self, name, value)
