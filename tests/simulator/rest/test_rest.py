"""The conventions of the simulator's REST API, its avatars, voices and contexts, over real sockets."""

import itertools
from typing import Any

import pytest
from PIL import Image

from rigs.services.simulated_service import FULL, KEY, simulated_service
from simulator.seed import COFFEE_CONTEXT, DEMO_CONTEXT, DEMO_VOICE, JUNE, WAYNE

ORIGIN = "http://localhost:8000"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/previews/unknown.png", 404),
        ("GET", "/previews/", 404),
        ("GET", "/previews/..%2Fprompts%2Fguide.png", 404),
        ("DELETE", f"/v1/sessions/{UNKNOWN}", 405),
        ("POST", "/v1/sessions/keep_alive", 405),
        ("DELETE", "/v1/sessions", 405),
        ("PUT", "/v1/contexts", 405),
        ("POST", "/v1/avatars", 405),
        ("GET", "/v1/sessions", 422),
        ("GET", "/v1/sessions?type=old", 422),
        ("GET", "/v1/sessions?type=active&page=0", 422),
        ("GET", "/v1/sessions?type=active&page_size=101", 422),
        ("GET", "/v1/sessions?type=active&page_size=many", 422),
        ("GET", "/v1/sessions/nonsense", 422),
        ("GET", f"/v1/sessions/{UNKNOWN}", 404),
        ("GET", f"/v1/sessions/{UNKNOWN}/transcript", 404),
        ("DELETE", f"/v1/sessions/{UNKNOWN}/events", 404),
        ("GET", "/v1/avatars/wayne", 422),
        ("GET", f"/v1/avatars/{UNKNOWN}", 404),
        ("GET", f"/v1/voices/{UNKNOWN}", 404),
        ("GET", "/v1/voices?voice_type=stolen", 422),
        ("GET", f"/v1/contexts/{UNKNOWN}", 404),
        ("DELETE", f"/v1/contexts/{UNKNOWN}", 404),
        ("POST", "/v1/sessions/start", 403),
    ],
)
async def test_every_error_is_an_envelope_with_cors_headers(method: str, path: str, status: int) -> None:
    async with simulated_service() as service:
        response = await service.http.request(method, path, headers={**KEY, "Origin": ORIGIN})

    body = response.json()
    assert response.status_code == status
    assert body.keys() == {"code", "data", "message"} | ({"detail"} if status == 422 else set())
    assert 4000 <= body["code"] < 6000
    assert isinstance(body["message"], str)
    assert body["message"]
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert (status == 405) == ("Allow" in response.headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/sessions/token"),
        ("POST", "/v1/sessions/stop"),
        ("POST", "/v1/sessions/keep-alive"),
        ("GET", "/v1/sessions?type=active"),
        ("GET", f"/v1/sessions/{UNKNOWN}"),
        ("GET", f"/v1/sessions/{UNKNOWN}/transcript"),
        ("DELETE", f"/v1/sessions/{UNKNOWN}/events"),
        ("GET", "/v1/avatars"),
        ("GET", f"/v1/avatars/{WAYNE}"),
        ("GET", "/v1/voices"),
        ("GET", f"/v1/voices/{DEMO_VOICE}"),
        ("GET", "/v1/contexts"),
        ("POST", "/v1/contexts"),
        ("GET", f"/v1/contexts/{DEMO_CONTEXT}"),
        ("PATCH", f"/v1/contexts/{DEMO_CONTEXT}"),
        ("DELETE", f"/v1/contexts/{DEMO_CONTEXT}"),
        ("GET", "/v1/users/credits"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": ""}, {"X-API-KEY": "wrong"}, {"X-API-KEY": b"\xff"}])
async def test_the_account_needs_its_api_key(method: str, path: str, headers: dict[str, Any]) -> None:
    async with simulated_service(api_key="right") as service:
        response = await service.http.request(method, path, headers=headers)

    assert response.status_code == 401
    assert "API key" in response.json()["message"]


@pytest.mark.parametrize("path", ["/v1/avatars/public", "/v1/languages"])
async def test_the_public_lists_need_no_key(path: str) -> None:
    async with simulated_service(api_key="right") as service:
        response = await service.http.get(path)

    assert response.status_code == 200
    assert response.json()["code"] == 1000


@pytest.mark.parametrize(
    ("endpoint", "authorization"),
    [
        ("start", None),
        *itertools.product(
            ["start", "stop", "keep-alive"], ["", "Bearer", "Bearer x.y.z", "Basic abc", "Bearer a b"]
        ),
    ],
)
async def test_a_wrong_bearer_is_403_with_code_4003_also_with_an_api_key(
    endpoint: str, authorization: str | None
) -> None:
    headers = KEY if authorization is None else {**KEY, "Authorization": authorization}
    async with simulated_service() as service:
        response = await service.http.post(f"/v1/sessions/{endpoint}", headers=headers)

    assert response.status_code == 403
    assert response.json() == {"code": 4003, "data": None, "message": "Not authenticated"}


async def test_a_token_of_another_simulator_is_refused() -> None:
    async with simulated_service() as one, simulated_service() as other:
        _, bearer = await one.mint()

        response = await other.http.post("/v1/sessions/start", headers=bearer)

    assert response.status_code == 403


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
async def test_a_body_that_is_not_json_is_422(body: bytes) -> None:
    async with simulated_service() as service:
        response = await service.http.post("/v1/sessions/token", content=body, headers=KEY)

    assert response.status_code == 422
    assert response.json()["data"] == [{"message": "body: JSON decode error"}]


async def test_a_body_that_is_too_large_is_413() -> None:
    async with simulated_service() as service:
        response = await service.http.post("/v1/contexts", json={"prompt": "x" * 2_000_000}, headers=KEY)

    assert response.status_code == 413
    assert response.json()["message"]


async def test_validation_errors_are_in_the_message_and_in_lists() -> None:
    async with simulated_service() as service:
        response = await service.http.post(
            "/v1/sessions/token", json={**FULL, "avatar_id": "wayne", "is_sandbox": 2}, headers=KEY
        )

    problems = [
        "body.avatar_id: Input should be a valid UUID",
        "body.is_sandbox: Input should be a valid boolean",
    ]
    assert response.status_code == 422
    assert response.json() == {
        "code": 4000,
        "data": [{"message": problem} for problem in problems],
        "message": f"Request validation errors. {'; '.join(problems)}",
        "detail": [
            {"loc": ["body", "avatar_id"], "msg": "Input should be a valid UUID", "type": "uuid_parsing"},
            {"loc": ["body", "is_sandbox"], "msg": "Input should be a valid boolean", "type": "bool_parsing"},
        ],
    }


async def test_a_preflight_allows_what_the_web_sdk_sends() -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
    }
    async with simulated_service() as service:
        response = await service.http.options("/v1/sessions/start", headers=asked)

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert set(response.headers["Access-Control-Allow-Headers"].split(", ")) == {
        "authorization",
        "content-type",
        "x-api-key",
    }


async def test_cors_headers_name_the_origin_of_the_request() -> None:
    async with simulated_service() as service:
        from_page = await service.http.get("/v1/languages", headers={"Origin": ORIGIN})
        from_server = await service.http.get("/v1/languages")

    assert from_page.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in from_server.headers
    assert from_page.headers["Vary"] == from_server.headers["Vary"] == "Origin"


async def test_the_api_does_not_change_answers_of_the_room_server() -> None:
    async with simulated_service() as service:
        response = await service.http.get("/rtc/validate", headers={"Origin": ORIGIN})

    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_seeded_avatars_are_public_and_have_a_picture(tmp_path: Any) -> None:
    async with simulated_service() as service:
        public = await service.get("/v1/avatars/public")
        own = await service.get("/v1/avatars")
        wayne = await service.get(f"/v1/avatars/{WAYNE}")
        picture = await service.http.get(wayne["preview_url"])

    assert public == own
    assert [(avatar["id"], avatar["name"]) for avatar in public["results"]] == [
        (WAYNE, "Ava"),
        (JUNE, "Mira"),
    ]
    assert wayne == public["results"][0]
    assert wayne.keys() == {
        "id", "space_id", "type", "status", "name", "preview_url", "is_expired", "default_voice", "is_1080p",
        "created_at", "updated_at", "error_message",
    }  # fmt: skip
    assert wayne["default_voice"] == {"id": DEMO_VOICE, "name": "Clara"}
    assert picture.headers["Content-Type"] == "image/png"
    (tmp_path / "picture.png").write_bytes(picture.content)
    with Image.open(tmp_path / "picture.png") as image:
        assert image.size == (640, 360)


async def test_a_new_account_has_voices_languages_and_credits() -> None:
    async with simulated_service() as service:
        voices = await service.get("/v1/voices")
        private = await service.get("/v1/voices", voice_type="private")
        demo = await service.get(f"/v1/voices/{DEMO_VOICE}")
        languages = await service.get("/v1/languages")
        credits = await service.get("/v1/users/credits")

    assert voices["count"] >= 4
    assert demo in voices["results"]
    assert demo.keys() == {
        "id", "name", "description", "language", "gender", "tags", "created_at", "updated_at",
    }  # fmt: skip
    assert private["results"] == []
    assert {"language": "English", "code": "en"} in languages
    assert len(languages) >= 10
    assert credits == {"credits_left": "1000"}


async def test_pages_link_to_their_neighbours() -> None:
    async with simulated_service() as service:
        total = (await service.get("/v1/voices"))["count"]
        first = await service.get("/v1/voices", page_size=2)
        middle = await service.get(first["next"])
        last = await service.get("/v1/voices", page=(total + 1) // 2, page_size=2)
        beyond = await service.get("/v1/voices", page=99, page_size=2)

    assert first["previous"] is None
    assert len(first["results"]) == len(middle["results"]) == 2
    assert middle["results"] != first["results"]
    assert middle["previous"] is not None
    assert last["next"] is None
    assert beyond["results"] == []
    assert beyond["count"] == total


async def test_contexts_are_created_changed_and_deleted() -> None:
    link = {"url": "https://example.org", "faq": "Q: Where? A: There."}
    async with simulated_service() as service:
        created = await service.http.post(
            "/v1/contexts",
            json={"name": "Museum", "prompt": "Facts for ${guest}.", "links": [link]},
            headers=KEY,
        )
        context = created.json()["data"]
        path = f"/v1/contexts/{context['id']}"
        changed = await service.http.patch(path, json={"opening_text": "Welcome!", "unknown": 1}, headers=KEY)
        listed = await service.get("/v1/contexts")
        shown = await service.get(path)
        deleted = await service.http.delete(path, headers=KEY)
        gone = await service.http.get(path, headers=KEY)

    assert created.status_code == 200
    assert context["opening_text"] is None
    assert context["required_dynamic_variables"] == ["guest"]
    assert [{key: found[key] for key in link} for found in context["links"]] == [link]
    assert changed.json()["data"] == shown
    assert shown == {**context, "opening_text": "Welcome!", "updated_at": shown["updated_at"]}
    assert [entry["id"] for entry in listed["results"]] == [DEMO_CONTEXT, COFFEE_CONTEXT, context["id"]]
    assert listed["results"][2].keys() == {"id", "name", "created_at", "updated_at"}
    assert (deleted.status_code, deleted.json()["data"]) == (200, None)
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "body.name: Field required"),
        ({"name": "", "prompt": "x"}, "body.name: String should have at least 1 character"),
        ({"name": "x", "prompt": 1}, "body.prompt: Input should be a valid string"),
        (
            {"name": "x", "prompt": "x", "opening_text": 1},
            "body.opening_text: Input should be a valid string",
        ),
        ({"name": "x", "prompt": "x", "links": {}}, "body.links: Input should be a valid list"),
        ({"name": "x", "prompt": "x", "links": [{"url": "u"}]}, "body.links.0.faq: Field required"),
        ({"name": "x", "prompt": "x", "links": ["u"]}, "body.links.0: Input should be a valid dictionary"),
    ],
)
async def test_an_invalid_context_is_refused(body: dict[str, Any], problem: str) -> None:
    async with simulated_service() as service:
        response = await service.http.post("/v1/contexts", json=body, headers=KEY)

    assert response.status_code == 422
    assert {"message": problem} in response.json()["data"]
