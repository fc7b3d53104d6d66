"""What can be chosen for a session, and the credits to pay it with."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from simulator import refusals
from simulator.languages import LANGUAGES
from simulator.rest.account import account_of, owned_account
from simulator.rest.edge import success
from simulator.rest.fields import parse_uuid
from simulator.rest.paging import page
from simulator.world import SPACE_ID, Avatar, Voice, World

PREVIEWS = Path(__file__).resolve().parent.parent / "previews"

Thing = TypeVar("Thing")


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/v1/avatars", list_avatars),
        web.get("/v1/avatars/public", list_public_avatars),
        web.get("/v1/avatars/{id}", show_avatar),
        web.get("/v1/voices", list_voices),
        web.get("/v1/voices/{id}", show_voice),
        web.get("/v1/languages", list_languages),
        web.get("/v1/users/credits", show_credits),
        web.get("/previews/{art}.png", show_preview),
    )


async def list_avatars(request: web.Request) -> web.Response:
    return success(_avatars(request, owned_account(request).world))


async def list_public_avatars(request: web.Request) -> web.Response:
    """Needs no API key (LiveAvatar OpenAPI)."""
    return success(_avatars(request, account_of(request).world))


async def show_avatar(request: web.Request) -> web.Response:
    avatar = in_path(request, owned_account(request).world.avatars, "Avatar")
    return success(_avatar(request, owned_account(request).world)(avatar))


async def list_voices(request: web.Request) -> web.Response:
    """All voices here are public."""
    voices = list(owned_account(request).world.voices.values())
    kind = request.query.get("voice_type", "public")
    if kind not in ("public", "private"):
        raise refusals.invalid("query.voice_type: Input should be 'public' or 'private'")
    return success(page(request, voices if kind == "public" else [], _voice))


async def show_voice(request: web.Request) -> web.Response:
    return success(_voice(in_path(request, owned_account(request).world.voices, "Voice")))


async def list_languages(request: web.Request) -> web.Response:
    """Needs no API key (LiveAvatar OpenAPI)."""
    return success([{"language": name, "code": code} for code, name in LANGUAGES.items()])


async def show_credits(request: web.Request) -> web.Response:
    return success({"credits_left": str(owned_account(request).credits.left)})


async def show_preview(request: web.Request) -> web.FileResponse:
    art = request.match_info["art"]
    if art not in {avatar.art for avatar in account_of(request).world.avatars.values()}:
        raise refusals.not_found("Picture")
    return web.FileResponse(PREVIEWS / f"{art}.png", headers={"Cache-Control": "max-age=3600"})


def in_path(request: web.Request, things: dict[str, Thing], kind: str) -> Thing:
    """The thing whose id is in the path. Raises Refusal (422 for no UUID, 404 for an unknown one)."""
    key = parse_uuid(request.match_info["id"])
    if key is None:
        raise refusals.invalid("path.id: Input should be a valid UUID")
    if key not in things:
        raise refusals.not_found(kind)
    return things[key]


def _avatars(request: web.Request, world: World) -> dict[str, Any]:
    return page(request, list(world.avatars.values()), _avatar(request, world))


def _avatar(request: web.Request, world: World) -> Callable[[Avatar], dict[str, Any]]:
    origin = request.url.origin()

    def entry(avatar: Avatar) -> dict[str, Any]:
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
            "updated_at": avatar.created_at.isoformat(),
            "error_message": None,
        }

    return entry


def _voice(voice: Voice) -> dict[str, Any]:
    return {
        "id": voice.id,
        "name": voice.name,
        "description": voice.description,
        "language": voice.language,
        "gender": voice.gender,
        "tags": list(voice.tags),
        "created_at": voice.created_at.isoformat(),
        "updated_at": voice.created_at.isoformat(),
    }
