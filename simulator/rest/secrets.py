"""`/v1/secrets`: API keys of other services. The API never returns a stored value."""

from typing import Any

from aiohttp import web

from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.path import in_path
from simulator.rest.schema import NAME, TEXT, TIME, UUID, answer, array, body, one_of
from simulator.world import Secret

# The OpenAPI document names the first three, the service's guides the fourth.
TYPES = ("OPENAI_API_KEY", "ELEVENLABS_API_KEY", "GEMINI_API_KEY", "LLM_API_KEY")

ENTRY = answer("Secret", id=UUID, secret_name=TEXT, secret_type=one_of(*TYPES), created_at=TIME)
CREATED = answer("CreatedSecret", id=UUID, secret_name=TEXT)
NEW = body(
    "NewSecret",
    ("secret_name", "secret_value", "secret_type"),
    secret_name=NAME,
    secret_value={**TEXT, "minLength": 1},
    secret_type=one_of(*TYPES),
)


def endpoints() -> tuple[Endpoint, ...]:
    return (
        Endpoint("GET", "/v1/secrets", list_secrets, "List secrets, newest first", array(ENTRY)),
        Endpoint("POST", "/v1/secrets", create, "Store a secret", CREATED, body=NEW),
        Endpoint("DELETE", "/v1/secrets/{secret_id}", delete, "Delete a secret"),
    )


async def list_secrets(request: web.Request) -> web.Response:
    return success([_shown(secret) for secret in owned_account(request).world.secrets.newest_first()])


async def create(request: web.Request) -> web.Response:
    """Encrypt and store the value. The answer does not contain it."""
    account = owned_account(request)
    fields = Fields(await read_json(request))
    name, value = fields.text("secret_name", 255), fields.text("secret_value")
    kind = fields.choice("secret_type", TYPES)
    fields.check()
    secret = Secret(name, kind, account.vault.seal(value))
    account.world.secrets.put(secret)
    return success({"id": secret.id, "secret_name": secret.secret_name})


async def delete(request: web.Request) -> web.Response:
    """Delete a secret even if it is in use. Sessions that need it are refused at start (LiveAvatar agent skills)."""
    world = owned_account(request).world
    del world.secrets[in_path(request, world.secrets, "Secret").id]
    return success()


def _shown(secret: Secret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "secret_name": secret.secret_name,
        "secret_type": secret.secret_type,
        "created_at": secret.created_at.isoformat(),
    }
