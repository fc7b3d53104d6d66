"""The agent's websocket to the site (docs/protocol.md): lease, events, acks, commands."""
