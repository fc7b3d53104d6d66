"""The talking avatar: one process per session, which joins a LiveKit room as an ordinary participant."""
