"""Secrets and LLM configurations of the simulator, and their use in sessions."""

import json
import logging
from typing import Any

import pytest

from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.seed import DEMO_CONTEXT

UNKNOWN = "00000000-0000-4000-8000-000000000000"
VALUE = "sk-never-to-be-seen"


async def stored(service: SimulatedService, kind: str = "OPENAI_API_KEY", name: str = "key") -> str:
    """Store a secret. Return its id."""
    body = {"secret_name": name, "secret_value": VALUE, "secret_type": kind}
    response = await service.http.post("/v1/secrets", json=body, headers=KEY)
    assert response.json()["data"] == {"id": response.json()["data"]["id"], "secret_name": name}
    return response.json()["data"]["id"]


async def configured(service: SimulatedService, **members: Any) -> dict[str, Any]:
    response = await service.http.post("/v1/llm-configurations", json=members, headers=KEY)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_secrets_are_listed_newest_first_without_their_values() -> None:
    async with simulated_service() as service:
        ids = [
            await stored(service, kind, f"key {kind}")
            for kind in ("OPENAI_API_KEY", "ELEVENLABS_API_KEY", "GEMINI_API_KEY", "LLM_API_KEY")
        ]
        listed = await service.get("/v1/secrets")
        deleted = await service.http.delete(f"/v1/secrets/{ids[0]}", headers=KEY)
        again = await service.http.delete(f"/v1/secrets/{ids[0]}", headers=KEY)
        changed = [
            await service.http.request(method, f"/v1/secrets/{ids[1]}", json={}, headers=KEY)
            for method in ("PATCH", "PUT", "GET")
        ]

    assert [secret["id"] for secret in listed] == ids[::-1]
    assert VALUE not in str(listed)
    assert (deleted.status_code, again.status_code) == (200, 404)
    assert {response.status_code for response in changed} == {405}


async def test_configurations_are_created_changed_and_deleted() -> None:
    async with simulated_service() as service:
        secret_id = await stored(service)
        first = await configured(
            service, display_name="Mine", model_name="gpt-4o", secret_id=secret_id, extra=1
        )
        path = f"/v1/llm-configurations/{first['id']}"
        second = await configured(
            service, model="llama", secret_id=secret_id, base_url="http://127.0.0.1:9/v1"
        )
        changed = await service.http.patch(path, json={"model_name": "gpt-5"}, headers=KEY)
        listed = await service.get("/v1/llm-configurations")
        shown = await service.get(path)
        deleted = await service.http.delete(path, headers=KEY)
        gone = await service.http.get(path, headers=KEY)
        underscore = await service.http.get("/v1/llm_configurations", headers=KEY)

    assert first["base_url"] == "https://api.openai.com/v1"
    assert (second["display_name"], second["model_name"]) == ("llama", "llama")
    assert (
        changed.json()["data"] == shown == {**first, "model_name": "gpt-5", "updated_at": shown["updated_at"]}
    )
    assert [entry["id"] for entry in listed] == [second["id"], first["id"]]
    assert (deleted.status_code, gone.status_code, underscore.status_code) == (200, 404, 404)


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("secrets", {}, "body.secret_name: Field required"),
        (
            "secrets",
            {"secret_name": "x" * 256},
            "body.secret_name: String should have at most 255 characters",
        ),
        ("secrets", {"secret_value": ""}, "body.secret_value: String should have at least 1 character"),
        ("secrets", {"secret_name": "x"}, "body.secret_type: Field required"),
        ("secrets", {"secret_type": "AWS"}, "body.secret_type: Input should be 'OPENAI_API_KEY',"),
        ("llm-configurations", {"model_name": "m"}, "body.display_name: Field required"),
        ("llm-configurations", {"display_name": "d"}, "body.model_name: Field required"),
        ("llm-configurations", {"model": "m"}, "body.secret_id: Field required"),
        (
            "llm-configurations",
            {"secret_id": "x" * 37},
            "body.secret_id: String should have at most 36 characters",
        ),
        ("llm-configurations", {"base_url": 1}, "body.base_url: Input should be a valid string"),
    ],
)
async def test_an_invalid_field_is_named(path: str, body: dict[str, Any], problem: str) -> None:
    async with simulated_service() as service:
        response = await service.http.post(f"/v1/{path}", json=body, headers=KEY)

    assert response.status_code == 422
    assert any(error["message"].startswith(problem) for error in response.json()["data"]), response.text


async def test_a_configuration_needs_an_existing_secret() -> None:
    body = {"display_name": "d", "model_name": "m", "secret_id": UNKNOWN}
    async with simulated_service() as service:
        response = await service.http.post("/v1/llm-configurations", json=body, headers=KEY)

    assert response.status_code == 400
    assert response.json()["message"] == f"Secret with id '{UNKNOWN}' not found in your space"


async def test_the_worker_gets_the_llm_configuration_and_no_log_its_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with simulated_service() as service:
        configuration = await configured(
            service, model="llama", secret_id=await stored(service), base_url="http://127.0.0.1:9/v1"
        )
        session_id, _ = await service.running(
            "tells_its_job",
            avatar_persona={"context_id": DEMO_CONTEXT},
            llm_configuration_id=configuration["id"],
        )
        job = json.loads((await service.lines(session_id, 1))[0]["transcript"])

    assert job["llm"] == {"base_url": "http://127.0.0.1:9/v1", "model": "llama", "api_key": VALUE}
    assert VALUE not in caplog.text


async def test_a_nested_configuration_is_ignored_as_at_the_real_service() -> None:
    async with simulated_service() as service:
        session_id, _ = await service.running(
            "tells_its_job", avatar_persona={"llm_configuration_id": UNKNOWN}
        )
        job = json.loads((await service.lines(session_id, 1))[0]["transcript"])

    assert job["llm"] is None


async def test_a_start_with_a_deleted_secret_is_refused() -> None:
    async with simulated_service() as service:
        secret_id = await stored(service)
        configuration = await configured(service, model="llama", secret_id=secret_id)
        await service.http.delete(f"/v1/secrets/{secret_id}", headers=KEY)
        _, bearer = await service.mint(llm_configuration_id=configuration["id"])
        response = await service.http.post("/v1/sessions/start", headers=bearer)

    assert response.status_code == 400
    assert response.json()["message"] == f"Secret with id '{secret_id}' not found in your space"
