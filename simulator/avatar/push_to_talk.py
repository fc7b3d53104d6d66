"""The push-to-talk window. A client waits for every answer without a time limit (seen in web SDK 0.0.18)."""

from collections.abc import Callable

from simulator.avatar.events import Events


class PushToTalk:
    """Open between a start and a stop; fails where there is nothing to open or to close."""

    def __init__(self, enabled: bool, events: Events, changed: Callable[[bool], None]) -> None:
        """`changed` is told when the window has been opened (True) or closed."""
        self._enabled = enabled
        self._events = events
        self._changed = changed
        self.is_open = False

    def start(self, source_event_id: str | None) -> None:
        """Answers with `user.push_to_talk_started`, or `..._start_failed` in a session that is not PUSH_TO_TALK
        and when the window is open already."""
        possible = self._enabled and not self.is_open
        outcome = "started" if possible else "start_failed"
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)
        if possible:
            self.is_open = True
            self._changed(True)

    def stop(self, source_event_id: str | None) -> None:
        """Answers with `user.push_to_talk_stopped`, or `..._stop_failed` when the window is not open."""
        outcome = "stopped" if self.is_open else "stop_failed"
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)
        if self.is_open:
            self.is_open = False
            self._changed(False)
