"""`/v1/voices`: the avatars' voices. espeak-ng speaks all of them, also the ones imported from ElevenLabs."""

import base64
from dataclasses import replace
from typing import Any

from aiohttp import web

from simulator import refusals
from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import PAGING, Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.paging import Query
from simulator.rest.path import in_path
from simulator.rest.schema import TEXT, TIME, UUID, answer, array, body, described, nullable, one_of, paged
from simulator.world import Voice, new_id, now
from voice.speaking.speaker import VoiceError

LONGEST_NAME = 64

VOICE = answer(
    "Voice",
    id=UUID,
    name=TEXT,
    description=nullable(TEXT),
    language=TEXT,
    gender=TEXT,
    tags=array(TEXT),
    created_at=TIME,
    updated_at=TIME,
)
IMPORT = body(
    "ThirdPartyVoice",
    ("secret_id",),
    provider_voice_id=described(
        TEXT, "The voice's id at ElevenLabs. Required; `voice_id` is accepted as well"
    ),
    secret_id=TEXT,
    name={**TEXT, "minLength": 1, "maxLength": LONGEST_NAME},
)
NEW_NAME = body("VoiceChanges", ("name",), name={**TEXT, "minLength": 1, "maxLength": LONGEST_NAME})
PREVIEW = answer("VoicePreview", audio_base64=described(TEXT, "A WAV file, 24 kHz, 16 bit, mono"))


def endpoints() -> tuple[Endpoint, ...]:
    one = "/v1/voices/{voice_id}"
    kinds = {**PAGING, "voice_type": one_of("public", "private", default="public")}
    imported = answer("ImportedVoice", voice_id=UUID)
    return (
        Endpoint("GET", "/v1/voices", list_voices, "List voices", paged(VOICE), query=kinds),
        Endpoint(
            "POST", "/v1/voices/third_party", bind, "Import a voice from ElevenLabs", imported, body=IMPORT
        ),
        Endpoint("GET", one, show, "Show a voice", VOICE),
        Endpoint("PATCH", one, rename, "Rename a voice", VOICE, body=NEW_NAME),
        Endpoint("DELETE", one, delete, "Delete a voice"),
        Endpoint("GET", f"{one}/preview", preview, "Get a sample of a voice", PREVIEW),
    )


async def list_voices(request: web.Request) -> web.Response:
    voices = owned_account(request).world.voices.values()
    query = Query(request)
    private = query.choice("voice_type", ("public", "private"), "public") == "private"
    wanted = query.page()
    query.check()
    listed = [voice for voice in voices if (voice.secret_id is not None) == private]
    part = listed[wanted.start : wanted.start + wanted.size]
    return success(wanted.answer(request, len(listed), map(_shown, part)))


async def bind(request: web.Request) -> web.Response:
    """Accept `provider_voice_id` and `voice_id`: the service's documents disagree on the name."""
    world = owned_account(request).world
    fields = Fields(await read_json(request))
    provider_voice_id = fields.text("voice_id" if "voice_id" in fields else "provider_voice_id")
    secret_id = fields.text("secret_id", 36)
    name = fields.text("name", LONGEST_NAME) if "name" in fields else provider_voice_id[:LONGEST_NAME]
    fields.check()
    secret = world.secrets.get(secret_id)
    if secret is None or secret.secret_type != "ELEVENLABS_API_KEY":
        raise refusals.bad_state(f"Secret with id '{secret_id}' is not an ELEVENLABS_API_KEY in your space")
    voice = Voice(
        new_id(),
        name,
        f"A simulator voice in place of ElevenLabs voice {provider_voice_id}",
        "female",
        espeak="en-us+f3",
        rate=165,
        pitch=50,
        tags=("third_party",),
        secret_id=secret.id,
    )
    world.voices.put(voice)
    return success({"voice_id": voice.id})


async def show(request: web.Request) -> web.Response:
    return success(_shown(in_path(request, owned_account(request).world.voices, "Voice")))


async def rename(request: web.Request) -> web.Response:
    world = owned_account(request).world
    voice = in_path(request, world.voices, "Voice")
    fields = Fields(await read_json(request))
    name = fields.text("name", LONGEST_NAME)
    fields.check()
    changed = replace(voice, name=name, updated_at=now())
    world.voices.put(changed)
    return success(_shown(changed))


async def delete(request: web.Request) -> web.Response:
    """Delete a voice. Avatars that had it as default voice then have none."""
    world = owned_account(request).world
    voice = in_path(request, world.voices, "Voice")
    del world.voices[voice.id]
    for avatar in list(world.avatars.values()):
        if avatar.default_voice_id == voice.id:
            world.avatars.put(replace(avatar, default_voice_id=None))
    return success()


async def preview(request: web.Request) -> web.Response:
    """Return a sample of the voice. Answer 500 on a machine without speech synthesis."""
    account = owned_account(request)
    voice = in_path(request, account.world.voices, "Voice")
    try:
        sound = await account.previews.of(voice)
    except VoiceError as error:
        raise refusals.failed(f"The voice sample could not be synthesized: {error}") from error
    return success({"audio_base64": base64.b64encode(sound).decode()})


def _shown(voice: Voice) -> dict[str, Any]:
    return {
        "id": voice.id,
        "name": voice.name,
        "description": voice.description,
        "language": voice.language,
        "gender": voice.gender,
        "tags": list(voice.tags),
        "created_at": voice.created_at.isoformat(),
        "updated_at": voice.updated_at.isoformat(),
    }
