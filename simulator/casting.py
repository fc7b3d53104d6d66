"""Look up a session's avatar, voice, context and LLM at its start. Minting a token does not check that they exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from simulator import refusals
from simulator.seed import JUNE
from simulator.session import SessionConfig
from simulator.vault import Vault
from simulator.world import Avatar, Context, Voice, World

Thing = TypeVar("Thing")

# Default avatars of clients, and the seeded avatar that plays each: Santa (pipecat 1.14).
STAND_INS = {"1c690fe7-23e0-49f9-bfba-14344450285b": JUNE}


@dataclass(frozen=True, slots=True)
class Llm:
    """Connection data of the OpenAI-compatible service that answers in place of the built-in brain."""

    base_url: str
    model: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """What a session needs. `voice` is None in LITE only. `memory` is the summary of earlier sessions."""

    avatar: Avatar
    voice: Voice | None = None
    context: Context | None = None
    llm: Llm | None = None
    memory: str | None = None


def cast_for(config: SessionConfig, world: World, vault: Vault) -> Cast:
    """Look up everything that `config` names. Raises Refusal (404 or 400) for a missing or unusable entry."""
    avatar = _known(world.avatars, STAND_INS.get(config.avatar_id, config.avatar_id), "Avatar")
    if config.mode == "LITE":
        return Cast(avatar)
    voice_id, context_id = config.voice_id, config.context_id
    if config.voice_agent_id is not None:
        agent = _known(world.voice_agents, config.voice_agent_id, "Voice agent")
        if agent.agent_type == "elevenlabs_agent":
            raise refusals.not_simulated("Voice agents of ElevenLabs")
        voice_id, context_id = agent.voice_id, agent.context_id
    context = _known(world.contexts, context_id, "Context") if context_id else None
    if missing := _missing_variables(context, config.dynamic_variables):
        raise refusals.bad_state(f"The context needs dynamic_variables: {', '.join(missing)}")
    memory = world.memories.get(config.session_memory_id or "")
    return Cast(
        avatar,
        _voice(avatar, voice_id, world),
        context,
        _llm(config.llm_configuration_id, world, vault),
        memory.content if memory else None,
    )


def _voice(avatar: Avatar, voice_id: str | None, world: World) -> Voice:
    voice_id = voice_id or avatar.default_voice_id
    if voice_id is None:
        raise refusals.bad_state(f"The avatar '{avatar.name}' has no voice of its own: send a voice_id")
    voice = _known(world.voices, voice_id, "Voice")
    if voice.secret_id is not None and voice.secret_id not in world.secrets:
        raise refusals.bad_state(f"The secret of the imported voice '{voice.name}' was deleted")
    return voice


def _llm(configuration_id: str | None, world: World, vault: Vault) -> Llm | None:
    if configuration_id is None:
        return None
    # The real service's wording, as observed.
    wording = "{} with id '{}' not found in your space"
    configuration = world.llm_configurations.get(configuration_id)
    if configuration is None:
        raise refusals.bad_state(wording.format("LLM configuration", configuration_id))
    secret = world.secrets.get(configuration.secret_id)
    if secret is None:
        raise refusals.bad_state(wording.format("Secret", configuration.secret_id))
    return Llm(configuration.base_url, configuration.model_name, vault.open(secret.sealed))


def _known(things: Mapping[str, Thing], key: str, kind: str) -> Thing:
    try:
        return things[key]
    except KeyError:
        raise refusals.not_found(f"{kind} with id '{key}'") from None


def _missing_variables(context: Context | None, given: Mapping[str, str]) -> list[str]:
    if context is None:
        return []
    return [name for name in context.required_dynamic_variables if name not in given]
