"""The contents of an account: avatars, voices, contexts, secrets, LLM configurations, memories and embeds."""

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
    """`art` names the drawing that the avatar worker animates. An IMAGE avatar has no default voice."""

    id: str
    name: str
    art: str
    default_voice_id: str | None
    type: Literal["VIDEO", "IMAGE"] = "VIDEO"
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Voice:
    """`espeak` is espeak-ng's voice and variant ("en-us+f3"), `rate` words per minute, `pitch` 0 to 99.

    An imported voice has a `secret_id` (the API key of its vendor) and is private to the account.
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
    """A link of a context. `faq` is a text with facts that the avatar answers from."""

    url: str
    faq: str
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Context:
    """The avatar's prompt, opening text and links. Each session fills in `${name}` in prompt and opening text."""

    name: str
    prompt: str
    opening_text: str | None
    links: tuple[Link, ...] = ()
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def required_dynamic_variables(self) -> list[str]:
        """The names of the `${name}` variables, without duplicates, in order of appearance."""
        return list(dict.fromkeys(VARIABLE.findall(f"{self.prompt} {self.opening_text or ''}")))


@dataclass(frozen=True, slots=True)
class Secret:
    """An API key of another service. `sealed` is the encrypted value."""

    secret_name: str
    secret_type: str
    sealed: str = field(repr=False)
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class LlmConfiguration:
    """An OpenAI-compatible chat completions service that answers in place of the built-in brain."""

    display_name: str
    model_name: str
    secret_id: str
    base_url: str
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class VoiceAgent:
    """A context and a voice under one name. The real service's dashboard creates them; here they are seeded."""

    id: str
    name: str
    agent_type: Literal["liveavatar_agent", "elevenlabs_agent"]
    context_id: str | None = None
    voice_id: str | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Episode:
    """The summary of one session in a memory."""

    session_id: str
    summary: str
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Memory:
    """Summaries of earlier sessions, oldest first. Later sessions get them as part of their prompt."""

    episodes: tuple[Episode, ...]
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def content(self) -> str:
        return "\n\n".join(episode.summary for episode in self.episodes)

    def of(self, session_id: str) -> bool:
        """Tell whether the memory contains the session."""
        return any(episode.session_id == session_id for episode in self.episodes)


@dataclass(frozen=True, slots=True)
class Embed:
    """An embedded page. The API returns a URL for it; the simulator serves no page there."""

    orientation: Literal["horizontal", "vertical"]
    id: str = field(default_factory=new_id)


class World:
    """The contents of the account. The simulator has one space; every API key belongs to it."""

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
        """Load the contents from `store` and write every later change to it. Raises StoreUnusable."""
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
