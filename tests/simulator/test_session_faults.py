"""Session faults that the parent process applies, with scripted workers in place of avatars."""

from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from rigs.rooms.room_rig import until
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
async def test_a_fault_that_ends_a_session_leaves_no_worker_and_no_fault(
    service: SimulatedService, fault: str, reason: str
) -> None:
    session_id, bearer = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)

    await switch_on(service, fault, session_id=session_id, after=0)
    ended = await service.ended(session_id)
    await service.http.post("/v1/sessions/stop", headers=bearer)  # answers after the cleanup
    again = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert ended["end_reason"] == reason
    assert again.status_code == 404
    assert not worker.is_running()
    assert await on(service) == []


async def test_a_hanging_worker_continues_when_the_fault_is_switched_off(service: SimulatedService) -> None:
    session_id, _ = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)

    number = await switch_on(service, "hang_worker", session_id=session_id)
    await until(lambda: worker.status() == psutil.STATUS_STOPPED)
    await service.http.post(f"/simulator/faults/{number}/off")
    await until(lambda: worker.status() != psutil.STATUS_STOPPED)

    assert worker.is_running()


async def test_a_session_with_a_hanging_worker_can_be_stopped(service: SimulatedService) -> None:
    session_id, bearer = await service.running("tells_its_pid")
    worker = await worker_of(service, session_id)
    await switch_on(service, "hang_worker", session_id=session_id)

    stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert stopped.status_code == 200
    assert (await service.ended(session_id))["end_reason"] == "USER_CLOSED"
    assert not worker.is_running()


async def test_a_fault_with_times_applies_to_that_many_starts(service: SimulatedService) -> None:
    await switch_on(service, "worker_crash", times=1)

    first, _ = await service.running()
    second, _ = await service.running()
    reason = (await service.ended(first))["end_reason"]

    assert reason == "SERVER_ERROR"
    assert "end_reason" not in await service.get(f"/v1/sessions/{second}")
    assert await on(service) == []


async def test_a_fault_for_all_starts_stays_on_and_each_session_gets_its_own(
    service: SimulatedService,
) -> None:
    await switch_on(service, "silent")

    session_id, bearer = await service.running()
    during = await on(service)
    await service.http.post("/v1/sessions/stop", headers=bearer)
    after = await on(service)

    assert [switch["session_id"] for switch in during] == [None, session_id]
    assert [switch["session_id"] for switch in after] == [None]


async def test_a_failed_start_leaves_no_faults(service: SimulatedService) -> None:
    await switch_on(service, "silent", times=1)
    _, bearer = await service.mint("fails")

    response = await service.http.post("/v1/sessions/start", headers=bearer)

    assert response.status_code == 500
    assert await on(service) == []


@pytest.mark.parametrize(
    ("asked", "status", "complaint"),
    [
        ({"fault": "silent", "session_id": "unknown"}, 404, "No session 'unknown' is running"),
        ({"fault": "slow", "session_id": "RUNNING"}, 422, "slow applies to requests"),
        (
            {"fault": "silent", "session_id": "RUNNING", "times": 1},
            422,
            "leave it out when you name a session",
        ),
    ],
)
async def test_a_fault_that_cannot_apply_to_the_session_is_refused(
    service: SimulatedService, asked: dict[str, Any], status: int, complaint: str
) -> None:
    session_id, _ = await service.running()
    asked = {**asked, "session_id": session_id if asked["session_id"] == "RUNNING" else asked["session_id"]}

    response = await service.http.post("/simulator/faults", json=asked)

    assert response.status_code == status
    assert complaint in response.json()["error"]
