"""Behaviour that all endpoints of the simulator's API share."""

from typing import Any

import pytest

from rigs.services.simulated_service import FULL, KEY, simulated_service
from simulator.rest import ENDPOINTS
from simulator.seed import DEMO_CONTEXT, WAYNE

SOME_ID = "00000000-0000-4000-8000-000000000000"


def filled(path: str) -> str:
    """Return `path` with an id in place of its parameter."""
    begin, end = path.find("{"), path.find("}")
    return path if begin < 0 else path[:begin] + SOME_ID + path[end + 1 :]


async def test_every_endpoint_requires_the_credential_of_its_description() -> None:
    async with simulated_service(api_key="right") as service:
        refused = {
            (each.method, each.path, each.auth): [
                (await service.http.request(each.method, filled(each.path), headers=headers)).status_code
                for headers in ({}, {"X-API-KEY": "wrong"})
            ]
            for each in ENDPOINTS
        }

    for (method, path, auth), statuses in refused.items():
        match auth:
            case "none":
                assert not {401, 403} & set(statuses), path
            case "bearer":
                assert statuses == [403, 403], path
            case _:
                assert statuses == [401, 401], (method, path)


async def test_unknown_ids_are_404_and_invalid_ids_422() -> None:
    with_id = [each for each in ENDPOINTS if "{" in each.path]
    async with simulated_service() as service:
        for each in with_id:
            unknown = await service.http.request(each.method, filled(each.path), json={}, headers=KEY)
            nonsense = await service.http.request(
                each.method, filled(each.path).replace(SOME_ID, "no%2Fid%00"), json={}, headers=KEY
            )

            assert (unknown.status_code, nonsense.status_code) == (404, 422), each.path
            assert "Input should be a valid UUID" in nonsense.json()["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
async def test_every_endpoint_with_a_body_refuses_anything_but_an_object(body: bytes) -> None:
    taking = [each for each in ENDPOINTS if each.body is not None and "{" not in each.path]
    async with simulated_service() as service:
        for each in taking:
            response = await service.http.request(each.method, each.path, content=body, headers=KEY)

            assert response.status_code == 422, each.path
            assert response.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": ";;"},
    ],
)
async def test_json_is_accepted_with_any_content_type(headers: dict[str, str]) -> None:
    async with simulated_service() as service:
        response = await service.http.post(
            "/v1/contexts", content=b'{"name": "n", "prompt": "p"}', headers=KEY | headers
        )

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("/v1/contexts/", "/v1/contexts"),
        ("/v1/contexts/?page=2", "/v1/contexts?page=2"),
        (f"/v1/contexts/{DEMO_CONTEXT}/", f"/v1/contexts/{DEMO_CONTEXT}"),
    ],
)
async def test_a_trailing_slash_is_redirected_with_the_same_method(asked: str, there: str) -> None:
    async with simulated_service() as service:
        response = await service.http.get(asked, headers=KEY)

    assert (response.status_code, response.headers["Location"]) == (307, there)
    assert there.partition("?")[0] in response.json()["message"]


@pytest.mark.parametrize("path", ["/v1/nothing/", "//example.org/v1/contexts/", "/v1//", "/nothing/"])
async def test_an_unknown_path_with_a_trailing_slash_is_404(path: str) -> None:
    async with simulated_service() as service:
        response = await service.http.get(service.addresses.api_url + path, headers=KEY)

    assert response.status_code == 404
    assert response.json()["message"]


async def test_head_answers_like_get_and_options_without_preflight_is_405() -> None:
    async with simulated_service() as service:
        head = await service.http.head("/v1/languages")
        options = await service.http.options("/v1/languages")

    assert (head.status_code, head.content) == (200, b"")
    assert (options.status_code, options.json()["code"]) == (405, 4005)
    assert options.headers["Allow"] == "GET,HEAD"


async def test_an_id_may_be_upper_case_and_percent_encoded() -> None:
    async with simulated_service() as service:
        for written in (WAYNE.upper(), WAYNE.replace("-", "%2D"), WAYNE.replace("d", "%64")):
            assert (await service.get(f"/v1/avatars/{written}"))["id"] == WAYNE


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        (
            "/v1/sessions?page=0&page_size=x",
            [
                "query.type: Field required",
                "query.page: Input should be greater than or equal to 1",
                "query.page_size: Input should be a valid integer",
            ],
        ),
        (
            "/v1/voices?voice_type=mine&page_size=101",
            [
                "query.voice_type: Input should be 'public' or 'private'",
                "query.page_size: Input should be less than or equal to 100",
            ],
        ),
        ("/v1/memory?type=user", ["query.type: Input should be 'session'"]),
    ],
)
async def test_all_errors_of_a_query_are_named(path: str, problems: list[str]) -> None:
    async with simulated_service() as service:
        response = await service.http.get(path, headers=KEY)

    assert response.json()["data"] == [{"message": problem} for problem in problems]


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        (FULL | {"avatar_id": 1}, ["body", "avatar_id"], "uuid_parsing"),
        ({"avatar_id": WAYNE}, ["body"], "union_tag_not_found"),
        (FULL | {"mode": "FREE"}, ["body"], "union_tag_invalid"),
        (
            FULL | {"video_settings": {"quality": "4k"}},
            ["body", "video_settings", "quality"],
            "enum",
        ),
        (FULL | {"max_session_duration": 0}, ["body", "max_session_duration"], "greater_than"),
        ({"mode": "FULL", "avatar_id": WAYNE}, ["body"], "value_error"),
    ],
)
async def test_validation_errors_also_have_fastapis_shape(
    body: dict[str, Any], where: list[str], kind: str
) -> None:
    async with simulated_service() as service:
        response = await service.http.post("/v1/sessions/token", json=body, headers=KEY)

    [error] = response.json()["detail"]
    assert (error["loc"], error["type"]) == (where, kind)
    assert response.json()["data"] == [{"message": f"{'.'.join(where)}: {error['msg']}"}]
