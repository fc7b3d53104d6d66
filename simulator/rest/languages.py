"""`/v1/languages`: the languages that avatars can speak."""

from aiohttp import web

from simulator.languages import LANGUAGES
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.schema import TEXT, answer, array

LANGUAGE = answer("Language", language=TEXT, code=TEXT)


def endpoints() -> tuple[Endpoint, ...]:
    return (Endpoint("GET", "/v1/languages", list_languages, "List languages", array(LANGUAGE), auth="none"),)


async def list_languages(request: web.Request) -> web.Response:
    """Needs no API key (LiveAvatar OpenAPI, list languages)."""
    return success([{"language": name, "code": code} for code, name in LANGUAGES.items()])
