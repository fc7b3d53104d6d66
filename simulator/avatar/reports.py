"""The reports of an avatar process to its parent: JSON lines on standard output, and nothing else there."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

ACTIVITY_INTERVAL = 1.0  # seconds; the parent needs it only for the idle timeout


class Reports:
    def __init__(self) -> None:
        self._last_activity = float("-inf")

    def send(self, kind: str, **members: Any) -> None:
        """Write one report of that `kind`."""
        sys.stdout.write(json.dumps({"is": kind, **members}) + "\n")
        sys.stdout.flush()

    def activity(self) -> None:
        """Report activity of the user, at most once a second."""
        if time.monotonic() - self._last_activity >= ACTIVITY_INTERVAL:
            self._last_activity = time.monotonic()
            self.send("activity")

    def transcript(self, role: str, text: str) -> None:
        """Report a final text that has just been spoken."""
        self.send("transcript", role=role, text=text, at=time.time_ns() // 1_000_000)

    def event(
        self,
        direction: Literal["in", "out"],
        name: str,
        message: Mapping[str, Any],
        channel: Literal["data", "media"] = "data",
    ) -> None:
        """Report a message of the room's data channel or of the media websocket, for the parent's log."""
        self.send("event", direction=direction, channel=channel, name=name, message=message)
