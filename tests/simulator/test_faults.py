"""Request faults: switched on by the control API, observed by an ordinary client of the REST API, switched off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from rigs.services.simulated_service import FULL, KEY, SimulatedService, simulated_service


@pytest.fixture
async def service() -> AsyncIterator[SimulatedService]:
    async with simulated_service() as service:
        yield service


@pytest.fixture
async def client(service: SimulatedService) -> AsyncIterator[httpx.AsyncClient]:
    """An ordinary client of the API."""
    async with httpx.AsyncClient(base_url=service.addresses.api_url, timeout=40) as client:
        yield client


async def switch_on(service: SimulatedService, fault: str, **values: Any) -> int:
    response = await service.http.post("/simulator/faults", json={"fault": fault, **values})
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def switch_off(service: SimulatedService, number: int) -> None:
    assert (await service.http.post(f"/simulator/faults/{number}/off")).status_code == 200


async def mint(client: httpx.AsyncClient, patience: float = 40) -> httpx.Response:
    """Create a session token. `patience`: seconds to wait for the answer."""
    headers = {**KEY, "Origin": "http://page.test"}
    timeout = httpx.Timeout(40, read=patience)
    return await client.post("/v1/sessions/token", json=FULL, headers=headers, timeout=timeout)


async def logged(service: SimulatedService, name: str) -> dict[str, Any]:
    """Wait for an entry of the event log with that name. Return it."""
    last = 0
    while True:
        answer = await service.http.get("/simulator/events", params={"since": last, "wait": 30})
        for entry in answer.json()["events"]:
            if entry["name"] == name:
                return entry
        last = answer.json()["last"]


def _refused(status: int, code: int, retry_after: str | None = None) -> Callable[[httpx.Response], bool]:
    return lambda answer: (
        answer.status_code == status
        and answer.json()["code"] == code
        and bool(answer.json()["message"])
        and answer.headers.get("Retry-After") == retry_after
        and answer.headers["Access-Control-Allow-Origin"] == "http://page.test"
    )


def _is_proxy_page(answer: httpx.Response) -> bool:
    """Tell whether it is the error page of a proxy, without CORS headers."""
    return (
        answer.status_code == 502
        and "<h1>" in answer.text
        and "Access-Control-Allow-Origin" not in answer.headers
    )


def _is_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


ANSWERS: list[tuple[str, dict[str, Any], Callable[[httpx.Response], bool]]] = [
    ("status", {"status": "400"}, _refused(400, 4002)),
    ("status", {"status": "401"}, _refused(401, 4001)),
    ("status", {"status": "403/4003"}, _refused(403, 4003)),
    ("status", {"status": "403/4032"}, _refused(403, 4032)),
    ("status", {"status": "403/4033"}, _refused(403, 4033)),
    ("status", {"status": "404"}, _refused(404, 4004)),
    ("status", {"status": "422"}, _refused(422, 4000)),
    ("status", {"status": "429", "retry_after": 7}, _refused(429, 4029, retry_after="7")),
    ("status", {"status": "500"}, _refused(500, 5000)),
    ("status", {"status": "502"}, _refused(502, 5002)),
    ("status", {"status": "503"}, _refused(503, 5003)),
    ("html", {}, _is_proxy_page),
    ("garbage", {}, lambda answer: answer.status_code == 200 and not _is_json(answer)),
    (
        "code_100",
        {},
        lambda answer: answer.json()["code"] == 100 and "session_token" in answer.json()["data"],
    ),
]


@pytest.mark.parametrize(
    ("fault", "values", "seen"), ANSWERS, ids=[f"{fault} {values}" for fault, values, _ in ANSWERS]
)
async def test_a_fault_changes_answers_until_it_is_switched_off(
    service: SimulatedService,
    client: httpx.AsyncClient,
    fault: str,
    values: dict[str, Any],
    seen: Callable[[httpx.Response], bool],
) -> None:
    number = await switch_on(service, fault, **values)

    faulty = [await mint(client), await mint(client)]
    await switch_off(service, number)
    healthy = await mint(client)

    assert all(seen(answer) for answer in faulty), faulty[0].text
    assert (healthy.status_code, healthy.json()["code"]) == (200, 1000)


@pytest.mark.parametrize(
    ("fault", "patience", "error"),
    [
        ("hang", 0.5, httpx.ReadTimeout),
        ("reset", 40, httpx.ReadError),
        ("truncated", 40, httpx.RemoteProtocolError),
    ],
)
@pytest.mark.parametrize("performed", ["no", "yes"])
async def test_a_fault_breaks_connections_until_it_is_switched_off(
    service: SimulatedService,
    client: httpx.AsyncClient,
    fault: str,
    patience: float,
    error: type[Exception],
    performed: str,
) -> None:
    number = await switch_on(service, fault, performed=performed)

    with pytest.raises(error):
        await mint(client, patience)
    await switch_off(service, number)

    assert (await mint(client)).status_code == 200


async def test_a_session_can_start_although_its_answer_is_lost(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    _, bearer = await service.mint()
    await switch_on(service, "reset", endpoint="start", performed="yes", times=1)

    with pytest.raises(httpx.ReadError):
        await client.post("/v1/sessions/start", headers=bearer)

    assert (await service.get("/v1/sessions", type="active"))["count"] == 1


async def test_a_lost_request_starts_no_session(service: SimulatedService, client: httpx.AsyncClient) -> None:
    _, bearer = await service.mint()
    await switch_on(service, "reset", endpoint="start", times=1)

    with pytest.raises(httpx.ReadError):
        await client.post("/v1/sessions/start", headers=bearer)

    assert (await service.get("/v1/sessions", type="active"))["count"] == 0


async def test_a_slow_endpoint_answers_after_the_given_time(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    await switch_on(service, "slow", endpoint="token", seconds=0.3)

    answer = await mint(client)
    entry = await logged(service, "POST /v1/sessions/token")

    assert answer.status_code == 200
    assert (entry["message"]["fault"], entry["message"]["status"]) == ("slow", 200)
    assert entry["message"]["ms"] >= 300


async def test_a_fault_replaces_the_documented_status(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    _, bearer = await service.mint()
    await switch_on(service, "status_200")

    response = await client.post("/v1/sessions/start", headers=bearer)

    assert (response.status_code, response.json()["code"]) == (200, 1000)


async def test_a_fault_with_times_ends_after_that_many_requests(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    await switch_on(service, "status", status="503", times=2)

    statuses = [(await mint(client)).status_code for _ in range(3)]

    assert statuses == [503, 503, 200]
    assert (await service.http.get("/simulator/faults")).json()["on"] == []


async def test_a_fault_applies_only_to_its_endpoint(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    await switch_on(service, "status", endpoint="stop", status="500")
    _, bearer = await service.running()

    kept = await client.post("/v1/sessions/keep-alive", headers=bearer)
    stopped = await client.post("/v1/sessions/stop", headers=bearer)

    assert (kept.status_code, stopped.status_code) == (200, 500)


async def test_faults_do_not_apply_to_preflights(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    await switch_on(service, "status")

    asked = {"Origin": "http://page.test", "Access-Control-Request-Method": "POST"}
    response = await client.options("/v1/sessions/start", headers=asked)

    assert response.status_code == 204


async def test_switching_all_faults_off_restores_normal_answers(
    service: SimulatedService, client: httpx.AsyncClient
) -> None:
    await switch_on(service, "status")
    await switch_on(service, "garbage", endpoint="start")

    await service.http.post("/simulator/faults/off")

    assert (await service.http.get("/simulator/faults")).json()["on"] == []
    assert (await mint(client)).status_code == 200


async def test_a_hanging_request_does_not_delay_the_shutdown() -> None:
    async with simulated_service() as service:
        await switch_on(service, "hang", times=1)
        hanging = asyncio.create_task(mint(service.http))
        await logged(service, "fault off")  # the request has used the fault up, and hangs

    with pytest.raises(httpx.HTTPError):
        await hanging


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({}, "fault must be one of"),
        ({"fault": "rain"}, "fault must be one of"),
        ({"fault": ["slow"]}, "fault must be one of"),
        ({"fault": "slow", "seconds": "soon"}, "seconds must be a number from 0 to 600"),
        ({"fault": "slow", "seconds": float("1e9")}, "seconds must be a number"),
        ({"fault": "slow", "seconds": True}, "seconds must be a number"),
        ({"fault": "slow", "endpoint": "avatars"}, "endpoint must be one of any, token"),
        ({"fault": "slow", "colour": "red"}, "slow has no parameter 'colour'"),
        ({"fault": "slow", "times": 0}, "times must be a whole number"),
        ({"fault": "slow", "times": "many"}, "times must be a whole number"),
        ({"fault": "loss", "down": 101}, "down must be a number from 0 to 100"),
    ],
)
async def test_an_invalid_fault_is_refused_with_a_reason(
    service: SimulatedService, asked: dict[str, Any], complaint: str
) -> None:
    response = await service.http.post("/simulator/faults", json=asked)

    assert response.status_code == 422
    assert complaint in response.json()["error"]
    assert (await service.http.get("/simulator/faults")).json()["on"] == []
