"""What an account of the service holds: avatars, voices, contexts, and what sessions may be started with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from simulator.shelf import Shelf
from simulator.store import Store, StoreUnusable

SPACE_ID = "6f1d7c1e-6d1b-4f0e-9a55-2f4f4f7a9c10"
VARIABLE = re.compile(r"\$\{(\w+)\}")


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Avatar:
    """`art` names the drawing the avatar worker moves. An IMAGE avatar has no voice of its own."""

    id: str
    name: str
    art: str
    default_voice_id: str | None
    type: Literal["VIDEO", "IMAGE"] = "VIDEO"
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Voice:
    """`espeak` is espeak-ng's voice and timbre ("en-us+f3"), `rate` words per minute, `pitch` 0 to 99.

    A voice imported from elsewhere, with the secret `secret_id`, is private to the account.
    """

    id: str
    name: str
    description: str
    gender: Literal["female", "male"]
    espeak: str
    rate: int
    pitch: int
    tags: tuple[str, ...] = ()
    language: str = "English"
    secret_id: str | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    faq: str
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Context:
    """What the avatar knows and how it opens. `${name}` in its texts is filled in per session."""

    name: str
    prompt: str
    opening_text: str | None
    links: tuple[Link, ...] = ()
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def required_dynamic_variables(self) -> list[str]:
        """The names found as `${name}`, each once, in order of appearance."""
        return list(dict.fromkeys(VARIABLE.findall(f"{self.prompt} {self.opening_text or ''}")))


@dataclass(frozen=True, slots=True)
class Secret:
    """An API key of another service; `sealed` is its value, encrypted."""

    secret_name: str
    secret_type: str
    sealed: str = field(repr=False)
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class LlmConfiguration:
    """Who answers instead of the built-in brain: anything that speaks OpenAI's chat completions."""

    display_name: str
    model_name: str
    secret_id: str
    base_url: str
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class VoiceAgent:
    """Context and voice under one name. The real service's dashboard makes them; here they are seeds."""

    id: str
    name: str
    agent_type: Literal["liveavatar_agent", "elevenlabs_agent"]
    context_id: str | None = None
    voice_id: str | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Episode:
    """What one session left behind in a memory."""

    session_id: str
    summary: str
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Memory:
    """What later sessions are told about earlier ones, oldest first."""

    episodes: tuple[Episode, ...]
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def content(self) -> str:
        return "\n\n".join(episode.summary for episode in self.episodes)

    def of(self, session_id: str) -> bool:
        return any(episode.session_id == session_id for episode in self.episodes)


@dataclass(frozen=True, slots=True)
class Embed:
    """An address was given out for it; no page is served there."""

    orientation: Literal["horizontal", "vertical"]
    id: str = field(default_factory=new_id)


class World:
    """The contents of the one space every API key belongs to."""

    def __init__(
        self,
        avatars: Iterable[Avatar] = (),
        voices: Iterable[Voice] = (),
        contexts: Iterable[Context] = (),
        voice_agents: Iterable[VoiceAgent] = (),
    ) -> None:
        self.avatars = Shelf(Avatar, avatars)
        self.voices = Shelf(Voice, voices)
        self.contexts = Shelf(Context, contexts)
        self.voice_agents = Shelf(VoiceAgent, voice_agents)
        self.secrets = Shelf(Secret)
        self.llm_configurations = Shelf(LlmConfiguration)
        self.memories = Shelf(Memory)
        self.embeds = Shelf(Embed)

    def keep_in(self, store: Store) -> None:
        """Take up what `store` has, and write every change to it from now on. Raises StoreUnusable."""
        try:
            self.avatars.keep_in(store)
            self.voices.keep_in(store)
            self.contexts.keep_in(store)
            self.secrets.keep_in(store)
            self.llm_configurations.keep_in(store)
            self.memories.keep_in(store)
            self.embeds.keep_in(store)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreUnusable(
                f"SIMULATOR_DATA: the file holds something unreadable ({error!r}); move it away or restore it"
            ) from error
