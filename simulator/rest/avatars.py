"""`/v1/avatars` and the preview pictures. Creating avatars is not simulated: the simulator has two drawn ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from simulator import refusals
from simulator.rest.account import account_of, owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import PAGING, Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.paging import page
from simulator.rest.path import in_path
from simulator.rest.schema import FLAG, NAME, TEXT, TIME, UUID, answer, body, nullable, one_of, paged
from simulator.world import SPACE_ID, Avatar, World, now

PREVIEWS = Path(__file__).resolve().parent.parent / "previews"

AVATAR = answer(
    "Avatar",
    id=UUID,
    space_id=nullable(UUID),
    type=one_of("IMAGE", "VIDEO"),
    status=one_of("ACTIVE", "INIT", "DEPLOYING", "FAILED"),
    name=TEXT,
    preview_url=nullable(TEXT),
    is_expired=FLAG,
    default_voice=nullable(answer("DefaultVoice", id=UUID, name=TEXT)),
    is_1080p=FLAG,
    created_at=TIME,
    updated_at=TIME,
    error_message=nullable(TEXT),
)
CHANGES = body("AvatarChanges", name=NAME, default_voice_id=UUID)


def endpoints() -> tuple[Endpoint, ...]:
    one = "/v1/avatars/{avatar_id}"
    return (
        Endpoint("GET", "/v1/avatars", list_avatars, "List own avatars", paged(AVATAR), query=PAGING),
        Endpoint(
            "GET",
            "/v1/avatars/public",
            list_public_avatars,
            "List public avatars",
            paged(AVATAR),
            auth="none",
            query=PAGING,
        ),
        Endpoint("GET", one, show, "Show an avatar", AVATAR),
        Endpoint("PATCH", one, change, "Change an avatar's name or default voice", AVATAR, body=CHANGES),
        Endpoint("DELETE", one, delete, "Delete an avatar. Its sessions end with AVATAR_DELETED"),
    )


async def list_avatars(request: web.Request) -> web.Response:
    """List the public avatars as the account's own, so that clients can change and delete them."""
    return success(_avatars(request, owned_account(request).world))


async def list_public_avatars(request: web.Request) -> web.Response:
    """Needs no API key (LiveAvatar OpenAPI, list public avatars)."""
    return success(_avatars(request, account_of(request).world))


async def show(request: web.Request) -> web.Response:
    world = owned_account(request).world
    return success(_shown(request, world)(in_path(request, world.avatars, "Avatar")))


async def change(request: web.Request) -> web.Response:
    """Change the fields that are present in the body."""
    world = owned_account(request).world
    avatar = in_path(request, world.avatars, "Avatar")
    fields = Fields(await read_json(request))
    name = fields.text("name", 255) if "name" in fields else avatar.name
    voice_id = fields.optional_uuid("default_voice_id") or avatar.default_voice_id
    fields.check()
    if "default_voice_id" in fields and voice_id not in world.voices:
        raise refusals.not_found("Voice")
    changed = replace(avatar, name=name, default_voice_id=voice_id, updated_at=now())
    world.avatars.put(changed)
    return success(_shown(request, world)(changed))


async def delete(request: web.Request) -> web.Response:
    """Delete the avatar. Its running sessions end with AVATAR_DELETED."""
    account = owned_account(request)
    avatar = in_path(request, account.world.avatars, "Avatar")
    del account.world.avatars[avatar.id]
    account.sessions.end_those_of(avatar.id)
    return success()


async def show_picture(request: web.Request) -> web.FileResponse:
    """Serve `/previews/{art}.png`, the target of `preview_url`."""
    art = request.match_info["art"]
    if art not in {avatar.art for avatar in account_of(request).world.avatars.values()}:
        raise refusals.not_found("Picture")
    return web.FileResponse(PREVIEWS / f"{art}.png", headers={"Cache-Control": "max-age=3600"})


def _avatars(request: web.Request, world: World) -> dict[str, Any]:
    return page(request, list(world.avatars.values()), _shown(request, world))


def _shown(request: web.Request, world: World) -> Callable[[Avatar], dict[str, Any]]:
    origin = request.url.origin()

    def shown(avatar: Avatar) -> dict[str, Any]:
        voice = world.voices.get(avatar.default_voice_id or "")
        return {
            "id": avatar.id,
            "space_id": SPACE_ID,
            "type": avatar.type,
            "status": "ACTIVE",
            "name": avatar.name,
            "preview_url": str(origin / "previews" / f"{avatar.art}.png"),
            "is_expired": False,
            "default_voice": {"id": voice.id, "name": voice.name} if voice else None,
            "is_1080p": True,
            "created_at": avatar.created_at.isoformat(),
            "updated_at": avatar.updated_at.isoformat(),
            "error_message": None,
        }

    return shown
