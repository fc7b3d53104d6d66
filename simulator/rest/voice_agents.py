"""`/v1/voice_agents`: a context and a voice under one name. The API only reads them; the simulator seeds them."""

from typing import Any

from aiohttp import web

from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import PAGING, Endpoint
from simulator.rest.paging import page
from simulator.rest.path import in_path
from simulator.rest.schema import TEXT, TIME, UUID, answer, nullable, one_of, paged
from simulator.world import VoiceAgent

TYPES = one_of("liveavatar_agent", "elevenlabs_agent")

ENTRY = answer("VoiceAgentEntry", id=UUID, name=TEXT, agent_type=TYPES, created_at=TIME, updated_at=TIME)
DETAIL = answer(
    "VoiceAgent",
    id=UUID,
    name=TEXT,
    agent_type=TYPES,
    created_at=TIME,
    updated_at=TIME,
    agent_configuration=answer("VoiceAgentConfiguration", context_id=nullable(UUID), voice_id=nullable(UUID)),
)


def endpoints() -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET", "/v1/voice_agents", list_voice_agents, "List voice agents", paged(ENTRY), query=PAGING
        ),
        Endpoint("GET", "/v1/voice_agents/{agent_id}", show, "Show a voice agent", DETAIL),
    )


async def list_voice_agents(request: web.Request) -> web.Response:
    return success(page(request, list(owned_account(request).world.voice_agents.values()), _entry))


async def show(request: web.Request) -> web.Response:
    agent = in_path(request, owned_account(request).world.voice_agents, "Voice agent")
    configuration = {"context_id": agent.context_id, "voice_id": agent.voice_id}
    return success({**_entry(agent), "agent_configuration": configuration})


def _entry(agent: VoiceAgent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "agent_type": agent.agent_type,
        "created_at": agent.created_at.isoformat(),
        "updated_at": agent.updated_at.isoformat(),
    }
