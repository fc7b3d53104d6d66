"""Memories: summaries of sessions for later sessions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.services.simulated_service import FULL, KEY, SimulatedService, simulated_service
from simulator.memories import LONGEST_QUOTE, QUOTES, summary
from simulator.seed import DEMO_CONTEXT, WAYNE
from simulator.session import Line, Session, SessionConfig

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def talked(service: SimulatedService, **fields: Any) -> str:
    """Run and stop a session in which the user says Hello. Return its id."""
    session_id, bearer = await service.running("talks", **fields)
    await service.lines(session_id, 2)
    await service.http.post("/v1/sessions/stop", headers=bearer)
    return session_id


async def remembered(service: SimulatedService, session_id: str) -> dict[str, Any]:
    body = {"memory_type": "session", "session_id": session_id}
    response = await service.http.post("/v1/memory", json=body, headers=KEY)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def minted(service: SimulatedService, **memory: str) -> Any:
    return await service.http.post("/v1/sessions/token", json={**FULL, "memory": memory}, headers=KEY)


async def test_a_memory_is_created_shown_listed_and_deleted() -> None:
    async with simulated_service() as service:
        session_id = await talked(service)
        memory = await remembered(service, session_id)
        again = await remembered(service, session_id)
        path = f"/v1/memory/{memory['id']}"
        shown = await service.get(path)
        listed = await service.get("/v1/memory", type="session")
        deleted = await service.http.delete(path, headers=KEY)
        gone = await service.http.get(path, headers=KEY)

    assert memory == again
    assert memory["memory_content"].endswith("the user said, among 1 things:\n- Hello")
    assert [(episode["session_id"], episode["sequence_num"]) for episode in shown["session_episodes"]] == [
        (session_id, 1)
    ]
    assert [entry["id"] for entry in listed["results"]] == [memory["id"]]
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert gone.status_code == 404


async def test_a_session_gets_its_memory_and_adds_to_it() -> None:
    async with simulated_service() as service:
        first = await talked(service)
        session_id, _ = await service.running(
            "tells_its_job",
            avatar_persona={"context_id": DEMO_CONTEXT},
            memory={"prev_session_id": first},
        )
        job = json.loads((await service.lines(session_id, 1))[0]["transcript"])
        memory = (await service.get("/v1/memory"))["results"][0]
        second = await talked(service, memory={"session_memory_id": memory["id"]})
        shown = await service.get(f"/v1/memory/{memory['id']}")
        both = await minted(service, prev_session_id=second, session_memory_id=memory["id"])

    assert job["context"]["prompt"].endswith("- Hello")
    assert [episode["session_id"] for episode in shown["session_episodes"]] == [first, second]
    assert both.status_code == 200


async def test_a_token_for_two_different_memories_is_refused() -> None:
    async with simulated_service() as service:
        one, other = await talked(service), await talked(service)
        memory = await remembered(service, one)
        await remembered(service, other)

        disagreeing = await minted(service, prev_session_id=other, session_memory_id=memory["id"])
        unknown = [
            await minted(service, prev_session_id=UNKNOWN),
            await minted(service, session_memory_id=UNKNOWN),
        ]

    assert disagreeing.status_code == 400
    assert "different memories" in disagreeing.json()["message"]
    assert [response.json()["message"] for response in unknown] == ["Session not found", "Memory not found"]


async def test_a_lite_session_has_no_memory() -> None:
    body = {"mode": "LITE", "avatar_id": WAYNE}
    async with simulated_service() as service:
        token = await service.http.post("/v1/sessions/token", json=body, headers=KEY)
        response = await service.http.post(
            "/v1/memory",
            json={"memory_type": "session", "session_id": token.json()["data"]["session_id"]},
            headers=KEY,
        )

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "body.memory_type: Field required"),
        ({"memory_type": "user"}, "body.memory_type: Input should be 'session'"),
        ({"memory_type": "session"}, "body.session_id: Field required"),
        ({"memory_type": "session", "session_id": "x"}, "body.session_id: Input should be a valid UUID"),
    ],
)
async def test_an_invalid_field_is_named(body: dict[str, Any], problem: str) -> None:
    async with simulated_service() as service:
        response = await service.http.post("/v1/memory", json=body, headers=KEY)

    assert {"message": problem} in response.json()["data"]


def test_a_summary_quotes_the_most_informative_lines_in_order() -> None:
    said = ["Hm.", "My name is Ida.", *["What is this?"] * 10, "I like green tea."]
    session = Session(
        SessionConfig("FULL", WAYNE), transcript=[Line("user", text, at) for at, text in enumerate(said)]
    )

    text = summary(session)

    assert "among 13 things" in text
    assert "Hm." not in text
    assert text.index("My name is Ida.") < text.index("I like green tea.")


@given(st.lists(st.builds(Line, st.sampled_from(["user", "avatar"]), st.text(), st.just(0))))
def test_a_summary_is_short_and_quotes_only_the_user(lines: list[Line]) -> None:
    text = summary(Session(SessionConfig("FULL", WAYNE), transcript=lines))

    assert len(text) <= QUOTES * (LONGEST_QUOTE + 3) + 100
    quotes = {line.text[:LONGEST_QUOTE] for line in lines if line.role == "user"}
    assert not quotes or any(quote in text for quote in quotes)
