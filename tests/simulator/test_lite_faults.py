"""Faults of LITE sessions, as the client of the media websocket sees them, with a real avatar."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rigs.rooms.room_rig import until
from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.seed import WAYNE
from simulator.worker import AVATAR_COMMAND

pytestmark = pytest.mark.rooms

LITE = {"mode": "LITE", "avatar_id": WAYNE, "video_settings": {"quality": "low", "encoding": "VP8"}}
CONNECTED = {"type": "session.state_updated", "state": "connected"}
HALF_A_SECOND = base64.b64encode(bytes(24_000)).decode()


@pytest.fixture
async def service() -> AsyncIterator[SimulatedService]:
    async with simulated_service(command=AVATAR_COMMAND) as service:
        yield service


@pytest.fixture
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as caller:
        yield caller


async def start(service: SimulatedService) -> tuple[str, str]:
    """Start a session. Return its id and its `ws_url`."""
    minted = await service.http.post("/v1/sessions/token", json=LITE, headers=KEY)
    bearer = {"Authorization": f"Bearer {minted.json()['data']['session_token']}"}
    started = await service.http.post("/v1/sessions/start", headers=bearer)
    assert started.status_code == 201, started.text
    data = started.json()["data"]
    return data["session_id"], data["ws_url"]


async def switch_on(service: SimulatedService, fault: str, **values: Any) -> None:
    response = await service.http.post("/simulator/faults", json={"fault": fault, **values})
    assert response.status_code == 201, response.text


async def first(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    return await socket.receive_json(timeout=20)


@pytest.mark.parametrize("code", [1006, 1000, 1011])
async def test_a_dropped_websocket_can_be_opened_again(
    service: SimulatedService, caller: aiohttp.ClientSession, code: int
) -> None:
    session_id, url = await start(service)
    async with caller.ws_connect(url) as socket:
        assert CONNECTED.items() <= (await first(socket)).items()
        await switch_on(service, "socket_dropped", session_id=session_id, code=str(code))
        ended = await socket.receive(timeout=20)
        closed_with = socket.close_code
        await until(lambda: _is_disconnected(service, session_id))

    async with caller.ws_connect(url) as again:
        assert CONNECTED.items() <= (await first(again)).items()

    assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert closed_with == code


async def _is_disconnected(service: SimulatedService, session_id: str) -> bool:
    shown = (await service.http.get(f"/simulator/sessions/{session_id}")).json()
    assert shown["state"] == "active"
    return shown["media_connected"] is False


async def test_commands_before_a_late_connected_are_dropped(
    service: SimulatedService, caller: aiohttp.ClientSession
) -> None:
    await switch_on(service, "late_connected", seconds=2, times=1)
    _, url = await start(service)

    async with caller.ws_connect(url) as socket:
        await socket.send_json({"type": "agent.speak", "event_id": "early", "audio": HALF_A_SECOND})
        state = await first(socket)
        await socket.send_json({"type": "agent.speak", "event_id": "late", "audio": HALF_A_SECOND})
        answer = await first(socket)

    assert state["state"] == "connected"
    assert (answer["type"], answer["source_event_id"]) == ("agent.audio_buffer_appended", "late")


async def test_connected_does_not_come_while_the_fault_is_on(
    service: SimulatedService, caller: aiohttp.ClientSession
) -> None:
    await switch_on(service, "no_connected", times=1)
    session_id, url = await start(service)

    async with caller.ws_connect(url) as socket:
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=1)
    await service.http.post("/simulator/faults/off")
    await switch_on(service, "socket_dropped", session_id=session_id)

    async with caller.ws_connect(url) as socket:
        assert CONNECTED.items() <= (await first(socket)).items()


async def test_the_console_cannot_make_a_lite_session_speak(service: SimulatedService) -> None:
    session_id, _ = await start(service)

    said = await service.http.post(f"/simulator/sessions/{session_id}/say", json={"text": "Hello"})
    tone = await service.http.post(f"/simulator/sessions/{session_id}/tone", json={"seconds": 0.2})

    assert (said.status_code, tone.status_code) == (409, 200)
    assert said.json()["error"] == "A LITE session plays only the audio that its client sends"
