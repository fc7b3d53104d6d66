"""What goes wrong on purpose in a worker. Switched by the parent while the session runs."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """All off: a healthy avatar. `silent`: its track carries silence; `frozen`: its picture stands still."""

    silent: bool = False
    frozen: bool = False

    def switch(self, changes: dict[str, Any]) -> None:
        """Apply the parent's changes; names of a newer parent are ignored."""
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name in known:
                setattr(self, name, value)
