"""A collection of one kind of account entry (avatars, voices, contexts, …), written through to the store."""

from collections import UserDict
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from simulator.records import from_json, to_json
from simulator.store import Store


class HasId(Protocol):
    @property
    def id(self) -> str: ...


Thing = TypeVar("Thing", bound=HasId)


class Shelf(UserDict[str, Thing], Generic[Thing]):
    """Entries by id, in order of creation. After `keep_in`, every change is written to the store."""

    def __init__(self, kind: type[Thing], things: Iterable[Thing] = ()) -> None:
        super().__init__()
        self._kind = kind
        self._store: Store | None = None
        self.data = {thing.id: thing for thing in things}

    def put(self, thing: Thing) -> None:
        """Add an entry, or replace the one with the same id."""
        self[thing.id] = thing

    def newest_first(self) -> list[Thing]:
        return list(reversed(self.data.values()))

    def keep_in(self, store: Store) -> None:
        """Apply the stored changes and deletions to the seeded entries; write every later change to `store`.

        The seeds come first, so that an old data file also gets the seeds of a newer simulator.
        Raises ValueError, KeyError or TypeError for a stored entry that cannot be read.
        """
        rows = store.load("SELECT id, body FROM things WHERE kind = ? ORDER BY number", self._kind.__name__)
        for key, body in rows:
            if body is None:
                self.data.pop(key, None)
            else:
                self.data[key] = from_json(self._kind, body)
        self._store = store

    def __setitem__(self, key: str, thing: Thing) -> None:
        super().__setitem__(key, thing)
        self._write_down(key, to_json(thing))

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._write_down(key, None)

    def _write_down(self, key: str, body: str | None) -> None:
        if self._store is not None:
            self._store.write(
                "INSERT INTO things (kind, id, body) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                self._kind.__name__,
                key,
                body,
            )
