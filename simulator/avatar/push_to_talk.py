"""The push-to-talk window. Every command gets an answer: web SDK 0.0.18 waits for it without a time-out."""

from collections.abc import Callable

from simulator.avatar.events import Events


class PushToTalk:
    """Open between a start and a stop. A start of an open window and a stop of a closed one fail."""

    def __init__(self, enabled: bool, events: Events, changed: Callable[[bool], None]) -> None:
        """`changed` is called with True when the window has opened, with False when it has closed."""
        self._enabled = enabled
        self._events = events
        self._changed = changed
        self.is_open = False

    def start(self, source_event_id: str | None) -> None:
        """Open the window and answer `user.push_to_talk_started`; `..._start_failed` if it is open already or the
        session is not PUSH_TO_TALK."""
        possible = self._enabled and not self.is_open
        outcome = "started" if possible else "start_failed"
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)
        if possible:
            self.is_open = True
            self._changed(True)

    def stop(self, source_event_id: str | None) -> None:
        """Close the window and answer `user.push_to_talk_stopped`; `..._stop_failed` if it is not open."""
        outcome = "stopped" if self.is_open else "stop_failed"
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)
        if self.is_open:
            self.is_open = False
            self._changed(False)
