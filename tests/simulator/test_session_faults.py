"""Faults of sessions, as the parent acts them out: a scripted worker stands in for the avatar."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from rigs.services.simulated_service import SimulatedService, simulated_service


@pytest.fixture
async def service() -> AsyncIterator[SimulatedService]:
    async with simulated_service() as service:
        yield service


async def switch_on(service: SimulatedService, fault: str, **values: Any) -> int:
    response = await service.http.post("/simulator/faults", json={"fault": fault, **values})
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def on(service: SimulatedService) -> list[dict[str, Any]]:
    return (await service.http.get("/simulator/faults")).json()["on"]


async def worker_of(service: SimulatedService, session_id: str) -> psutil.Process:
    line = (await service.lines(session_id, 1))[0]
    return psutil.Process(int(line["transcript"]))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("worker_crash", "SERVER_ERROR"),
        ("no_credits", "NO_CREDITS"),
        ("max_duration", "MAX_DURATION_REACHED"),
    ],
)
async def test_a_fault_that_ends_a_session_leaves_nothing(
    service: SimulatedService, fault: str, reason: str
) -> None:
    session_id, bearer = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)

    await switch_on(service, fault, session_id=session_id, after=0)
    ended = await service.ended(session_id)
    await service.http.post("/v1/sessions/stop", headers=bearer)  # answers when nothing is left
    again = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert ended["end_reason"] == reason
    assert again.status_code == 404
    assert not worker.is_running()
    assert await on(service) == []


async def test_a_worker_that_hangs_goes_on_when_the_fault_is_switched_off(service: SimulatedService) -> None:
    session_id, _ = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)

    number = await switch_on(service, "hang_worker", session_id=session_id)
    while worker.status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    await service.http.post(f"/simulator/faults/{number}/off")
    while worker.status() == psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)

    assert worker.is_running()


async def test_a_session_whose_worker_hangs_can_be_stopped(service: SimulatedService) -> None:
    session_id, bearer = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)
    await switch_on(service, "hang_worker", session_id=session_id)

    stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert stopped.status_code == 200
    assert (await service.ended(session_id))["end_reason"] == "USER_CLOSED"
    assert not worker.is_running()


async def test_a_fault_for_starts_befalls_as_many_as_it_says(service: SimulatedService) -> None:
    await switch_on(service, "worker_crash", times=1)

    first, _ = await service.running()
    second, _ = await service.running()
    reason = (await service.ended(first))["end_reason"]

    assert reason == "SERVER_ERROR"
    assert "end_reason" not in await service.get(f"/v1/sessions/{second}")
    assert await on(service) == []


async def test_a_fault_for_every_start_stays_on_and_each_session_has_its_own(
    service: SimulatedService,
) -> None:
    await switch_on(service, "silent")

    session_id, bearer = await service.running()
    during = await on(service)
    await service.http.post("/v1/sessions/stop", headers=bearer)
    after = await on(service)

    assert [switch["session_id"] for switch in during] == [None, session_id]
    assert [switch["session_id"] for switch in after] == [None]


async def test_what_is_to_happen_later_does_not_when_switched_off_before(service: SimulatedService) -> None:
    session_id, _ = await service.running()
    number = await switch_on(service, "worker_crash", session_id=session_id, after=0.3)
    await service.http.post(f"/simulator/faults/{number}/off")
    await switch_on(service, "max_duration", session_id=session_id, after=0.6)

    assert (await service.ended(session_id))["end_reason"] == "MAX_DURATION_REACHED"


async def test_a_start_that_fails_keeps_no_faults(service: SimulatedService) -> None:
    await switch_on(service, "silent", times=1)
    _, bearer = await service.mint("fails")

    response = await service.http.post("/v1/sessions/start", headers=bearer)

    assert response.status_code == 500
    assert await on(service) == []


@pytest.mark.parametrize(
    ("asked", "status", "complaint"),
    [
        ({"fault": "silent", "session_id": "nobody"}, 404, "No session 'nobody' is running"),
        ({"fault": "slow", "session_id": "RUNNING"}, 422, "slow befalls requests"),
        ({"fault": "silent", "session_id": "RUNNING", "times": 1}, 422, "leave it out for one session"),
    ],
)
async def test_a_fault_that_fits_no_session_is_refused(
    service: SimulatedService, asked: dict[str, Any], status: int, complaint: str
) -> None:
    session_id, _ = await service.running()
    asked = {**asked, "session_id": session_id if asked["session_id"] == "RUNNING" else asked["session_id"]}

    response = await service.http.post("/simulator/faults", json=asked)

    assert response.status_code == status
    assert complaint in response.json()["error"]
