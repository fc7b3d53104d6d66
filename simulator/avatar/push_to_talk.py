"""The push-to-talk window. A client waits for every answer without a time limit (seen in web SDK 0.0.18)."""

from simulator.avatar.events import Events


class PushToTalk:
    """Open between a start and a stop; fails where there is nothing to open or to close."""

    def __init__(self, enabled: bool, events: Events) -> None:
        self._enabled = enabled
        self._events = events
        self.is_open = False

    def start(self, source_event_id: str | None) -> None:
        """Answers with `user.push_to_talk_started`, or `..._start_failed` in a session that is not PUSH_TO_TALK
        and when the window is open already."""
        possible = self._enabled and not self.is_open
        self.is_open = self.is_open or possible
        outcome = "started" if possible else "start_failed"
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)

    def stop(self, source_event_id: str | None) -> None:
        """Answers with `user.push_to_talk_stopped`, or `..._stop_failed` when the window is not open."""
        outcome = "stopped" if self.is_open else "stop_failed"
        self.is_open = False
        self._events.publish(f"user.push_to_talk_{outcome}", source_event_id)
