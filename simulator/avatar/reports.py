"""What a worker tells its parent: JSON lines on standard output, which carries nothing else."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

ACTIVITY_INTERVAL = 1.0  # seconds; the parent only wants to know that the user is not idle


class Reports:
    def __init__(self) -> None:
        self._last_activity = float("-inf")

    def send(self, kind: str, **members: Any) -> None:
        """One report of that `kind`."""
        sys.stdout.write(json.dumps({"is": kind, **members}) + "\n")
        sys.stdout.flush()

    def activity(self) -> None:
        """The user did something; at most one report a second."""
        if time.monotonic() - self._last_activity >= ACTIVITY_INTERVAL:
            self._last_activity = time.monotonic()
            self.send("activity")

    def transcript(self, role: str, text: str) -> None:
        """A final text, spoken just now."""
        self.send("transcript", role=role, text=text, at=time.time_ns() // 1_000_000)

    def event(
        self,
        direction: Literal["in", "out"],
        name: str,
        message: Mapping[str, Any],
        channel: Literal["data", "media"] = "data",
    ) -> None:
        """Something that went over the room's data channel, or the media websocket, for the parent's log."""
        self.send("event", direction=direction, channel=channel, name=name, message=message)
