"""`/v2/embeddings`: create embedded pages.

The simulator returns their URLs but does not implement the pages: a request to such a URL gets a JSON error.
"""

from aiohttp import web

from simulator import refusals
from simulator.rest.account import account_of, owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.path import in_path
from simulator.rest.schema import FLAG, TEXT, UUID, WHOLE, answer, body, one_of
from simulator.world import Embed

TYPES = ("DEFAULT", "WIDGET")
ORIENTATIONS = ("horizontal", "vertical")
SHAPES = {"horizontal": "16/9", "vertical": "9/16"}

CREATED = answer("Embed", embed_id=UUID, url=TEXT, script=TEXT, orientation=one_of(*ORIENTATIONS))
NEW = body(
    "NewEmbed",
    ("avatar_id",),
    avatar_id=UUID,
    context_id=UUID,
    voice_id=UUID,
    voice_agent_id=UUID,
    type=one_of(*TYPES, default="DEFAULT"),
    max_session_duration={**WHOLE, "exclusiveMinimum": 0},
    default_language={**TEXT, "maxLength": 5},
    is_sandbox={**FLAG, "default": False},
    orientation=one_of(*ORIENTATIONS, default="horizontal"),
)


def endpoints() -> tuple[Endpoint, ...]:
    return (
        Endpoint("POST", "/v2/embeddings", create, "Create an embed", CREATED, body=NEW),
        Endpoint("GET", "/embed/v1/{embed_id}", show, "Show an embed's page (not simulated)", auth="none"),
    )


async def create(request: web.Request) -> web.Response:
    """Check the whole body. Of its values only the orientation is stored."""
    world = owned_account(request).world
    fields = Fields(await read_json(request))
    fields.uuid("avatar_id")
    if "voice_agent_id" in fields:
        fields.uuid("voice_agent_id")
        if "context_id" in fields or "voice_id" in fields:
            fields.problem("Value error, voice_agent_id excludes context_id and voice_id")
    else:
        fields.uuid("context_id")
        fields.optional_uuid("voice_id")
    fields.choice("type", TYPES, "DEFAULT")
    fields.optional_count("max_session_duration")
    if "default_language" in fields:
        fields.text("default_language", 5)
    fields.flag("is_sandbox")
    orientation = fields.choice("orientation", ORIENTATIONS, "horizontal")
    fields.check()
    embed = Embed("vertical" if orientation == "vertical" else "horizontal")
    world.embeds.put(embed)
    url = str(request.url.origin() / "embed" / "v1" / embed.id)
    script = (
        f'<iframe src="{url}" allow="microphone" title="LiveAvatar Embed" '
        f'style="aspect-ratio: {SHAPES[orientation]};"></iframe>'
    )
    return success({"embed_id": embed.id, "url": url, "script": script, "orientation": orientation})


async def show(request: web.Request) -> web.Response:
    """Answer 501 for an existing embed, 404 for an unknown one."""
    in_path(request, account_of(request).world.embeds, "Embed")
    raise refusals.not_simulated("Embedded pages")
