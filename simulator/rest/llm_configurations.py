"""`/v1/llm-configurations`: language models that answer in place of the service's own."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from simulator import refusals
from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.path import in_path
from simulator.rest.schema import NAME, TEXT, TIME, UUID, answer, array, body, described
from simulator.world import LlmConfiguration, World, now

OPENAI = "https://api.openai.com/v1"
LONGEST_NAME, LONGEST_ID = 255, 36

ENTRY = answer("LlmConfigurationEntry", id=UUID, display_name=TEXT, model_name=TEXT, secret_id=TEXT)
DETAIL = answer(
    "LlmConfiguration",
    id=UUID,
    base_url=TEXT,
    display_name=TEXT,
    model_name=TEXT,
    secret_id=TEXT,
    created_at=TIME,
    updated_at=TIME,
)
MEMBERS = {
    "display_name": NAME,
    "model_name": described(NAME, "`model` is accepted as well"),
    "secret_id": {**TEXT, "minLength": 1, "maxLength": LONGEST_ID},
    "base_url": described(TEXT, f"An OpenAI-compatible chat completions API; default {OPENAI}"),
}
NEW = body("NewLlmConfiguration", ("secret_id",), **MEMBERS)
CHANGES = body("LlmConfigurationChanges", **MEMBERS)


def endpoints() -> tuple[Endpoint, ...]:
    all_, one = "/v1/llm-configurations", "/v1/llm-configurations/{config_id}"
    return (
        Endpoint("GET", all_, list_configurations, "List LLM configurations, newest first", array(ENTRY)),
        Endpoint("POST", all_, create, "Create an LLM configuration", DETAIL, body=NEW),
        Endpoint("GET", one, show, "Show an LLM configuration", DETAIL),
        Endpoint("PATCH", one, change, "Change an LLM configuration", DETAIL, body=CHANGES),
        Endpoint("DELETE", one, delete, "Delete an LLM configuration"),
    )


async def list_configurations(request: web.Request) -> web.Response:
    configurations = owned_account(request).world.llm_configurations.newest_first()
    return success([_entry(configuration) for configuration in configurations])


async def create(request: web.Request) -> web.Response:
    """Accept `model` in place of `model_name`, as in the service's guides; `display_name` then defaults to it."""
    world = owned_account(request).world
    fields = Fields(await read_json(request))
    model = fields.text(_model_field(fields), LONGEST_NAME)
    name = model if _is_short(fields) else fields.text("display_name", LONGEST_NAME)
    secret_id = fields.text("secret_id", LONGEST_ID)
    base_url = fields.optional_text("base_url") or OPENAI
    fields.check()
    _check_secret(world, secret_id)
    configuration = LlmConfiguration(name, model, secret_id, base_url)
    world.llm_configurations.put(configuration)
    return success(_detail(configuration))


async def show(request: web.Request) -> web.Response:
    return success(_detail(_in_path(request, owned_account(request).world)))


async def change(request: web.Request) -> web.Response:
    """Change the fields that are present in the body."""
    world = owned_account(request).world
    configuration = _in_path(request, world)
    fields = Fields(await read_json(request))

    def given(name: str, longest: int | None, kept: str) -> str:
        return fields.text(name, longest) if name in fields else kept

    changed = replace(
        configuration,
        display_name=given("display_name", LONGEST_NAME, configuration.display_name),
        model_name=given(_model_field(fields), LONGEST_NAME, configuration.model_name),
        secret_id=given("secret_id", LONGEST_ID, configuration.secret_id),
        base_url=given("base_url", None, configuration.base_url),
        updated_at=now(),
    )
    fields.check()
    if "secret_id" in fields:
        _check_secret(world, changed.secret_id)
    world.llm_configurations.put(changed)
    return success(_detail(changed))


async def delete(request: web.Request) -> web.Response:
    world = owned_account(request).world
    del world.llm_configurations[_in_path(request, world).id]
    return success()


def _in_path(request: web.Request, world: World) -> LlmConfiguration:
    return in_path(request, world.llm_configurations, "LLM configuration")


def _model_field(fields: Fields) -> str:
    return "model" if "model" in fields and "model_name" not in fields else "model_name"


def _is_short(fields: Fields) -> bool:
    return _model_field(fields) == "model" and "display_name" not in fields


def _check_secret(world: World, secret_id: str) -> None:
    """Raise Refusal (400, LiveAvatar OpenAPI) for an unknown secret."""
    if secret_id not in world.secrets:
        raise refusals.bad_state(f"Secret with id '{secret_id}' not found in your space")


def _entry(configuration: LlmConfiguration) -> dict[str, Any]:
    return {
        "id": configuration.id,
        "display_name": configuration.display_name,
        "model_name": configuration.model_name,
        "secret_id": configuration.secret_id,
    }


def _detail(configuration: LlmConfiguration) -> dict[str, Any]:
    return {
        **_entry(configuration),
        "base_url": configuration.base_url,
        "created_at": configuration.created_at.isoformat(),
        "updated_at": configuration.updated_at.isoformat(),
    }
