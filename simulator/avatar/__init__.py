"""The talking avatar: one process per session, an ordinary participant of a LiveKit room."""
