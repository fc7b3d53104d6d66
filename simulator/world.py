"""What an account of the service holds: avatars, voices and contexts, in memory."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

SPACE_ID = "6f1d7c1e-6d1b-4f0e-9a55-2f4f4f7a9c10"
VARIABLE = re.compile(r"\$\{(\w+)\}")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Avatar:
    """`art` names the drawing the avatar worker moves. An IMAGE avatar has no voice of its own."""

    id: str
    name: str
    art: str
    default_voice_id: str | None
    type: Literal["VIDEO", "IMAGE"] = "VIDEO"
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Voice:
    """`espeak` is espeak-ng's voice and timbre ("en-us+f3"), `rate` words per minute, `pitch` 0 to 99."""

    id: str
    name: str
    description: str
    gender: Literal["female", "male"]
    espeak: str
    rate: int
    pitch: int
    tags: tuple[str, ...] = ()
    language: str = "English"
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    faq: str
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Context:
    """What the avatar knows and how it opens. `${name}` in its texts is filled in per session."""

    name: str
    prompt: str
    opening_text: str | None
    links: tuple[Link, ...] = ()
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def required_dynamic_variables(self) -> list[str]:
        """The names found as `${name}`, each once, in order of appearance."""
        return list(dict.fromkeys(VARIABLE.findall(f"{self.prompt} {self.opening_text or ''}")))


class World:
    """The contents of the one space every API key belongs to."""

    def __init__(
        self,
        avatars: tuple[Avatar, ...] = (),
        voices: tuple[Voice, ...] = (),
        contexts: tuple[Context, ...] = (),
    ) -> None:
        self.avatars = {avatar.id: avatar for avatar in avatars}
        self.voices = {voice.id: voice for voice in voices}
        self.contexts = {context.id: context for context in contexts}
