"""A small room server that official LiveKit clients can join; for development only (docs/decisions/0001)."""

from simulator.room.server import RoomServer

__all__ = ["RoomServer"]
