"""`/v1/memory`: summaries of earlier sessions for later ones."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import PAGING, Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.paging import Query
from simulator.rest.path import in_path
from simulator.rest.schema import TEXT, TIME, UUID, WHOLE, answer, array, body, one_of, paged
from simulator.world import Memory

PREVIEW_LENGTH = 200  # characters
KINDS = ("session",)

ENTRY = answer(
    "MemoryEntry",
    id=UUID,
    memory_type=one_of(*KINDS),
    memory_content_preview=TEXT,
    created_at=TIME,
    updated_at=TIME,
)
CREATED = answer("Memory", id=UUID, memory_type=one_of(*KINDS), memory_content=TEXT, created_at=TIME)
DETAIL = answer(
    "MemoryWithEpisodes",
    id=UUID,
    memory_type=one_of(*KINDS),
    memory_content=TEXT,
    session_episodes=array(
        answer("MemoryEpisode", session_id=UUID, sequence_num=WHOLE, summary=TEXT, created_at=TIME)
    ),
    created_at=TIME,
    updated_at=TIME,
)
NEW = body("NewMemory", ("memory_type", "session_id"), memory_type=one_of(*KINDS), session_id=UUID)


def endpoints() -> tuple[Endpoint, ...]:
    query = {**PAGING, "type": one_of(*KINDS)}
    one = "/v1/memory/{memory_id}"
    return (
        Endpoint(
            "GET", "/v1/memory", list_memories, "List memories, newest first", paged(ENTRY), query=query
        ),
        Endpoint("POST", "/v1/memory", create, "Create a memory from a session", CREATED, body=NEW),
        Endpoint("GET", one, show, "Show a memory", DETAIL),
        Endpoint("DELETE", one, delete, "Delete a memory", None, status=HTTPStatus.NO_CONTENT),
    )


async def list_memories(request: web.Request) -> web.Response:
    memories = owned_account(request).world.memories.newest_first()
    query = Query(request)
    query.choice("type", KINDS, "session")
    wanted = query.page()
    query.check()
    part = memories[wanted.start : wanted.start + wanted.size]
    return success(wanted.answer(request, len(memories), map(_entry, part)))


async def create(request: web.Request) -> web.Response:
    """Return the existing memory if the session already has one (LiveAvatar OpenAPI, session memory)."""
    memories = owned_account(request).memories
    fields = Fields(await read_json(request))
    fields.choice("memory_type", KINDS)
    session_id = fields.uuid("session_id")
    fields.check()
    memory = await memories.of_session(session_id)
    detail = _detail(memory)
    return success({name: detail[name] for name in CREATED["properties"]})


async def show(request: web.Request) -> web.Response:
    return success(_detail(in_path(request, owned_account(request).world.memories, "Memory")))


async def delete(request: web.Request) -> web.Response:
    world = owned_account(request).world
    del world.memories[in_path(request, world.memories, "Memory").id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _entry(memory: Memory) -> dict[str, Any]:
    return {
        "id": memory.id,
        "memory_type": "session",
        "memory_content_preview": memory.content[:PREVIEW_LENGTH],
        "created_at": memory.created_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
    }


def _detail(memory: Memory) -> dict[str, Any]:
    return {
        "id": memory.id,
        "memory_type": "session",
        "memory_content": memory.content,
        "session_episodes": [
            {
                "session_id": episode.session_id,
                "sequence_num": number,
                "summary": episode.summary,
                "created_at": episode.created_at.isoformat(),
            }
            for number, episode in enumerate(memory.episodes, 1)
        ],
        "created_at": memory.created_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
    }
