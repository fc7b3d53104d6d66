"""`/v1/contexts`: the prompts, opening texts and links of avatars."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import PAGING, Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.paging import page
from simulator.rest.path import in_path
from simulator.rest.schema import TEXT, TIME, UUID, answer, array, body, nullable, paged
from simulator.world import Context, Link, new_id, now

ENTRY = answer("ContextEntry", id=UUID, name=TEXT, created_at=TIME, updated_at=TIME)
DETAIL = answer(
    "Context",
    id=UUID,
    name=TEXT,
    prompt=TEXT,
    opening_text=nullable(TEXT),
    links=array(answer("Link", id=UUID, url=TEXT, faq=TEXT)),
    created_at=TIME,
    updated_at=TIME,
    required_dynamic_variables=array(TEXT),
)
MEMBERS = {
    "name": {**TEXT, "minLength": 1},
    "prompt": {**TEXT, "minLength": 1},
    "opening_text": nullable(TEXT),
    "links": array(body("NewLink", ("url", "faq"), url=TEXT, faq=TEXT, id=UUID)),
}


def endpoints() -> tuple[Endpoint, ...]:
    new = body("NewContext", ("name", "prompt"), **MEMBERS)
    changes = body("ContextChanges", **MEMBERS)
    one = "/v1/contexts/{context_id}"
    return (
        Endpoint("GET", "/v1/contexts", list_contexts, "List contexts", paged(ENTRY), query=PAGING),
        Endpoint("POST", "/v1/contexts", create, "Create a context", DETAIL, body=new),
        Endpoint("GET", one, show, "Show a context", DETAIL),
        Endpoint("PATCH", one, change, "Change a context", DETAIL, body=changes),
        Endpoint("DELETE", one, delete, "Delete a context"),
    )


async def list_contexts(request: web.Request) -> web.Response:
    contexts = list(owned_account(request).world.contexts.values())
    return success(page(request, contexts, _entry))


async def create(request: web.Request) -> web.Response:
    """Accept a missing `opening_text`: the service's documents disagree on whether it is required."""
    world = owned_account(request).world
    fields = Fields(await read_json(request))
    context = Context(
        fields.text("name"), fields.text("prompt"), fields.optional_text("opening_text"), _links(fields)
    )
    fields.check()
    world.contexts.put(context)
    return success(_detail(context))


async def show(request: web.Request) -> web.Response:
    return success(_detail(in_path(request, owned_account(request).world.contexts, "Context")))


async def change(request: web.Request) -> web.Response:
    """Change the fields that are present in the body. Running sessions keep the old values."""
    world = owned_account(request).world
    context = in_path(request, world.contexts, "Context")
    given = await read_json(request)
    fields = Fields(given)
    fields.check()
    changed = replace(
        context,
        name=fields.text("name") if "name" in given else context.name,
        prompt=fields.text("prompt") if "prompt" in given else context.prompt,
        opening_text=fields.optional_text("opening_text")
        if "opening_text" in given
        else context.opening_text,
        links=_links(fields) if "links" in given else context.links,
        updated_at=now(),
    )
    fields.check()
    world.contexts.put(changed)
    return success(_detail(changed))


async def delete(request: web.Request) -> web.Response:
    world = owned_account(request).world
    del world.contexts[in_path(request, world.contexts, "Context").id]
    return success()


def _links(fields: Fields) -> tuple[Link, ...]:
    return tuple(
        Link(link.text("url"), link.text("faq"), link.optional_uuid("id") or new_id())
        for link in fields.list_of("links")
    )


def _entry(context: Context) -> dict[str, Any]:
    return {
        "id": context.id,
        "name": context.name,
        "created_at": context.created_at.isoformat(),
        "updated_at": context.updated_at.isoformat(),
    }


def _detail(context: Context) -> dict[str, Any]:
    return {
        **_entry(context),
        "prompt": context.prompt,
        "opening_text": context.opening_text,
        "links": [{"id": link.id, "url": link.url, "faq": link.faq} for link in context.links],
        "required_dynamic_variables": context.required_dynamic_variables,
    }
