"""The simulator's data file: what survives a restart, and errors for files that cannot be used."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.processes import running_simulator
from rigs.services.simulated_service import FULL, KEY, SimulatedService, simulated_service
from simulator.records import from_json, to_json
from simulator.rest.token_body import parse_token_body
from simulator.seed import DEMO_VOICE, WAYNE
from simulator.session import SessionConfig
from simulator.store import MIGRATIONS, Store, StoreUnusable
from simulator.vault import Vault, WrongKey, vault_for
from simulator.world import Context, Link


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "var" / "simulator.sqlite3")


async def created(service: SimulatedService, path: str, **body: Any) -> dict[str, Any]:
    response = await service.http.post(path, json=body, headers=KEY)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_the_account_survives_a_restart(data: str) -> None:
    async with simulated_service(data=data) as service:
        context = await created(service, "/v1/contexts", name="Museum", prompt="Facts for ${guest}.")
        secret = await created(
            service, "/v1/secrets", secret_name="key", secret_value="sk-1", secret_type="LLM_API_KEY"
        )
        await created(
            service, "/v1/llm-configurations", display_name="d", model_name="m", secret_id=secret["id"]
        )
        await service.http.patch(f"/v1/avatars/{WAYNE}", json={"name": "Wanda"}, headers=KEY)
        await service.http.delete(f"/v1/voices/{DEMO_VOICE}", headers=KEY)
        paths = ("/v1/contexts", "/v1/secrets", "/v1/llm-configurations", f"/v1/contexts/{context['id']}")
        before = [await service.get(path) for path in paths]

    async with simulated_service(data=data) as service:
        after = [await service.get(path) for path in paths]
        wanda = await service.get(f"/v1/avatars/{WAYNE}")
        voices = await service.get("/v1/voices")

    assert after[1:] == before[1:]
    # Seeded contexts are created anew at each start, so only their ids can be compared.
    assert [entry["id"] for entry in after[0]["results"]] == [entry["id"] for entry in before[0]["results"]]
    assert (wanda["name"], wanda["default_voice"]) == ("Wanda", None)
    assert DEMO_VOICE not in str(voices)


async def test_sessions_transcripts_and_credits_survive_a_restart(data: str) -> None:
    async with simulated_service(data=data) as service:
        session_id, bearer = await service.running("talks")
        await service.lines(session_id, 2)
        await service.http.post("/v1/sessions/stop", headers=bearer)
        shown = await service.get(f"/v1/sessions/{session_id}")
        said = await service.get(f"/v1/sessions/{session_id}/transcript")

    async with simulated_service(data=data) as service:
        assert await service.get(f"/v1/sessions/{session_id}") == shown
        assert await service.get(f"/v1/sessions/{session_id}/transcript") == said
        listed = await service.get("/v1/sessions", type="historic", avatar_id=WAYNE)
        assert listed["results"] == [shown]
        assert (await service.get("/v1/sessions", type="historic", avatar_id=DEMO_VOICE))["count"] == 0
        assert (await service.get("/v1/users/credits"))["credits_left"] == "998"
        assert (await service.http.post("/v1/sessions/stop", headers=bearer)).status_code == 404
        await service.http.delete(f"/v1/sessions/{session_id}/events", headers=bearer)

    async with simulated_service(data=data, credits=Decimal(7)) as service:
        assert (await service.get(f"/v1/sessions/{session_id}/transcript"))["transcript_data"] == []
        assert (await service.get("/v1/users/credits"))["credits_left"] == "7"


async def test_a_session_token_stays_valid_after_a_restart(data: str) -> None:
    async with simulated_service(data=data) as service:
        session_id, bearer = await service.mint()

    async with simulated_service(data=data) as service:
        started = await service.http.post("/v1/sessions/start", headers=bearer)
        stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert (started.status_code, started.json()["data"]["session_id"]) == (201, session_id)
    assert stopped.status_code == 200


async def test_history_holds_more_sessions_than_memory(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.sessions.REMEMBERED", 2)
    async with simulated_service(data=data) as service:
        ids = []
        for _ in range(5):
            session_id, bearer = await service.mint()
            await service.http.post("/v1/sessions/stop", headers=bearer)
            ids.append(session_id)

        first = await service.get("/v1/sessions", type="historic", page_size=3)
        last = await service.get(first["next"])
        oldest = await service.get(f"/v1/sessions/{ids[0]}")

    assert (first["count"], last["count"]) == (5, 5)
    assert [entry["id"] for entry in first["results"] + last["results"]] == ids[::-1]
    assert oldest["end_reason"] == "USER_CLOSED"


async def test_a_killed_simulator_loses_no_data_and_its_sessions_are_reaped_at_the_next_start(
    data: str,
) -> None:
    with running_simulator(SIMULATOR_DATA=data, SIMULATOR_CREDITS="") as simulator:
        async with httpx.AsyncClient(base_url=simulator.api_url, timeout=40) as http:
            minted = (await http.post("/v1/sessions/token", json=FULL, headers=KEY)).json()["data"]
            bearer = {"Authorization": f"Bearer {minted['session_token']}"}
            started = await http.post("/v1/sessions/start", headers=bearer)
            assert started.status_code == 201, started.text
            context = await http.post("/v1/contexts", json={"name": "n", "prompt": "p"}, headers=KEY)
            # The store answers this read after all earlier writes.
            await http.get("/v1/sessions?type=historic", headers=KEY)
        killed_at = datetime.now(UTC)
        os.kill(simulator.pid, 9)

        async with simulated_service(data=data) as service:
            found = await service.get(f"/v1/sessions/{minted['session_id']}")
            kept = await service.get(f"/v1/contexts/{context.json()['data']['id']}")
            credits = await service.get("/v1/users/credits")
            stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert found["end_reason"] == "ZOMBIE_SESSION_REAP"
    assert datetime.fromisoformat(found["end_at"]) < killed_at
    assert kept["prompt"] == "p"
    assert credits == {"credits_left": "998"}
    assert stopped.status_code == 404


async def test_two_simulators_cannot_share_a_file(data: str) -> None:
    async with simulated_service(data=data):
        second = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "simulator", "--port", "0"],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "SIMULATOR_DATA": data},
        )

    assert second.returncode == 1
    assert "another simulator is using" in second.stderr
    assert "Traceback" not in second.stderr


def create_foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id)")


def create_newer_version(path: Path) -> None:
    Store(str(path)).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def create_damaged_file(path: Path) -> None:
    Store(str(path)).close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda path: path.write_text("not a database, but long enough to be read as one" * 100),
            "cannot be read",
        ),
        (lambda path: path.mkdir(), "cannot open"),
        (create_foreign_database, "belongs to another program"),
        (create_newer_version, "written by a newer simulator"),
        (create_damaged_file, "SIMULATOR_DATA"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_reason(tmp_path: Path, spoil: Any, why: str) -> None:
    path = tmp_path / "simulator.sqlite3"
    spoil(path)

    with pytest.raises(StoreUnusable, match=why):
        Store(str(path))


async def test_a_file_without_its_key_is_refused(data: str) -> None:
    async with simulated_service(data=data):
        pass
    Path(data).with_suffix(".key").unlink()

    with pytest.raises(StoreUnusable, match="written with another key"):
        async with simulated_service(data=data):
            pass


async def test_only_the_owner_can_read_the_files_and_secrets_are_encrypted(data: str) -> None:
    async with simulated_service(data=data) as service:
        await created(
            service, "/v1/secrets", secret_name="n", secret_value="sk-very-hidden", secret_type="LLM_API_KEY"
        )
        _, bearer = await service.mint(dynamic_variables={"guest": "Ida Hidden"})

    token = bearer["Authorization"].removeprefix("Bearer ")
    for file in Path(data).parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
        content = file.read_bytes()
        assert not any(secret.encode() in content for secret in ("sk-very-hidden", "Ida Hidden", token))


def test_a_secret_key_setting_replaces_the_key_file(data: str) -> None:
    sealed = vault_for(data, "a secret key of more than 32 letters").seal("text")

    assert vault_for(data, "a secret key of more than 32 letters").open(sealed) == "text"
    assert not Path(data).parent.exists()
    with pytest.raises(WrongKey):
        vault_for("", None).open(sealed)


@given(st.text(st.characters(exclude_categories=())))
def test_any_json_string_can_be_encrypted_and_decrypted(text: str) -> None:
    vault = Vault(b"0" * 43 + b"=")

    assert vault.open(vault.seal(text)) == text


@given(
    st.builds(
        Context,
        prompt=st.text(),
        opening_text=st.none() | st.text(),
        links=st.lists(st.builds(Link)).map(tuple),
        created_at=st.datetimes(timezones=st.just(Context("", "", None).created_at.tzinfo)),
    )
)
def test_a_context_survives_storage(context: Context) -> None:
    assert from_json(Context, to_json(context)) == context


def test_a_configuration_with_the_customers_own_room_survives_storage() -> None:
    room = {"livekit_url": "wss://a", "livekit_room": "b", "livekit_client_token": "c"}
    config = parse_token_body({"mode": "LITE", "avatar_id": WAYNE, "livekit_config": room})

    assert from_json(SessionConfig, to_json(config)) == config


def test_a_configuration_of_an_older_or_newer_simulator_can_be_read() -> None:
    config = SessionConfig("FULL", WAYNE, dynamic_variables={"guest": "Ida"}, speed=0.8)

    assert from_json(SessionConfig, to_json(config)) == config
    assert from_json(SessionConfig, f'{{"mode": "FULL", "avatar_id": "{WAYNE}", "new": 1}}') == SessionConfig(
        "FULL", WAYNE
    )
