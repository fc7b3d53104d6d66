"""LITE sessions over REST and their media websocket; a scripted worker echoes its orders."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt
import pytest
from livekit import api

from rigs.rooms.room_rig import PATIENCE
from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.media_connection import LONGEST_FRAME, LONGEST_READ
from simulator.seed import WAYNE

LITE = {"mode": "LITE", "avatar_id": WAYNE}
SECRET = "a secret of at least thirty-two characters"


class Session:
    """A started LITE session."""

    def __init__(self, service: SimulatedService, bearer: dict[str, str], data: dict[str, Any]) -> None:
        self.service = service
        self.bearer = bearer
        self.data = data
        self.id = data["session_id"]
        self.ws_url = data["ws_url"]

    async def stop(self) -> None:
        response = await self.service.http.post("/v1/sessions/stop", headers=self.bearer)
        assert response.status_code == 200


async def mint(service: SimulatedService, **fields: Any) -> dict[str, str]:
    response = await service.http.post("/v1/sessions/token", json={**LITE, **fields}, headers=KEY)
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['data']['session_token']}"}


@asynccontextmanager
async def started(fields: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Session]:
    async with simulated_service(**settings) as service:
        yield await start(service, **(fields or {}))


async def start(service: SimulatedService, **fields: Any) -> Session:
    bearer = await mint(service, **fields)
    response = await service.http.post("/v1/sessions/start", headers=bearer)
    assert response.status_code == 201, response.text
    return Session(service, bearer, response.json()["data"])


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        yield http


async def told(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next order that reached the worker."""
    return await ws.receive_json(timeout=PATIENCE)


def room_token(**grants: Any) -> str:
    token = api.AccessToken("caller", SECRET).with_identity("avatar")
    return token.with_grants(api.VideoGrants(**{"room_join": True, "room": "den", **grants})).to_jwt()


def callers_room(token: str, **changes: Any) -> dict[str, Any]:
    room = {"livekit_url": "ws://127.0.0.1:1", "livekit_room": "den", "livekit_client_token": token}
    return {"livekit_config": {**room, **changes}}


async def test_the_start_of_a_hosted_session_answers_with_all_fields_that_clients_read() -> None:
    async with started({"is_sandbox": True}) as session:
        data = session.data
        agent = jwt.decode(data["livekit_agent_token"], options={"verify_signature": False})
        viewer = jwt.decode(data["livekit_client_token"], options={"verify_signature": False})
        listed = await session.service.get("/v1/sessions", type="active")

        assert set(data) == {
            *("session_id", "livekit_url", "livekit_client_token", "livekit_agent_token"),
            *("max_session_duration", "ws_url"),
        }
        assert data["max_session_duration"] == 60
        assert data["livekit_url"] == session.service.addresses.livekit_url
        assert data["ws_url"].startswith(session.service.addresses.livekit_url)
        assert (agent["kind"], agent["sub"]) == ("agent", f"liveavatar-agent-{session.id}")
        assert agent["video"]["room"] == viewer["video"]["room"] == session.id
        assert all(agent["video"][name] for name in ("canPublish", "canSubscribe", "canPublishData"))
        assert viewer["kind"] == "standard"
        assert [entry["mode"] for entry in listed["results"]] == ["LITE"]


async def test_a_session_in_the_callers_room_has_the_rooms_fields_as_nulls() -> None:
    async with started(callers_room(room_token())) as session:
        assert session.data["ws_url"]
        assert session.data["max_session_duration"] == 3600
        room_fields = [session.data[name] for name in session.data if name.startswith("livekit")]
        assert room_fields == [None, None, None]


async def test_the_session_token_names_the_mode_for_the_web_sdk() -> None:
    async with simulated_service() as service:
        bearer = await mint(service, avatar_persona={"voice_id": None}, video_quality="low")

        token = bearer["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["start_session_data"]["mode"] == "LITE"


async def test_the_other_name_of_the_mode_is_accepted_unless_disabled() -> None:
    async with started({"mode": "CUSTOM"}) as session:
        shown = await session.service.get(f"/v1/sessions/{session.id}")
    async with simulated_service(strict_modes=True) as service:
        refused = await service.http.post("/v1/sessions/token", json={**LITE, "mode": "CUSTOM"}, headers=KEY)

    assert shown["mode"] == "LITE"
    assert refused.status_code == 422
    assert "discriminator" in refused.json()["message"] or "'mode'" in refused.json()["message"]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (
            {
                "agora_config": dict.fromkeys(
                    ("agora_app_id", "agora_token", "agora_channel", "agora_uid"), "x"
                )
            },
            "Agora",
        ),
        ({"elevenlabs_agent_config": {"secret_id": WAYNE, "agent_id": "x"}}, "ElevenLabs"),
        ({"openai_realtime_config": {"secret_id": WAYNE}}, "OpenAI"),
        ({"gemini_realtime_config": {"secret_id": WAYNE}}, "Gemini"),
    ],
)
async def test_options_that_are_not_simulated_are_refused_at_start(block: dict[str, Any], words: str) -> None:
    async with simulated_service() as service:
        bearer = await mint(service, **block)
        response = await service.http.post("/v1/sessions/start", headers=bearer)

    assert response.status_code == 501
    assert words in response.json()["message"]
    assert "not simulated" in response.json()["message"]


@pytest.mark.parametrize(
    ("token", "changes", "why"),
    [
        ("no token", {}, "not a LiveKit access token"),
        (room_token(room_join=False), {}, "roomJoin"),
        (room_token(), {"livekit_room": "attic"}, "another room"),
        (room_token(can_publish_data=False), {}, "canPublishData"),
        (room_token(can_publish_data=None), {}, "canPublishData"),
        (room_token(can_publish=False), {}, "canPublish"),
        (room_token(can_subscribe=False), {}, "canSubscribe"),
    ],
)
async def test_an_unusable_room_token_fails_the_start(token: str, changes: dict[str, str], why: str) -> None:
    async with simulated_service() as service:
        bearer = await mint(service, **callers_room(token, **changes))
        response = await service.http.post("/v1/sessions/start", headers=bearer)
        credits = await service.get("/v1/users/credits")

    assert response.status_code == 500
    assert why in response.json()["message"]
    assert token not in response.text
    assert credits["credits_left"].startswith("1000")


async def test_other_names_for_the_callers_room_are_refused_when_minting() -> None:
    async with simulated_service() as service:
        body = {**LITE, "livekit_config": {"url": "ws://x", "room": "y", "token": "z"}}
        response = await service.http.post("/v1/sessions/token", json=body, headers=KEY)

    assert response.status_code == 422
    assert len(response.json()["data"]) == 3


async def test_frames_of_the_caller_reach_the_worker_and_its_frames_the_caller(
    http: aiohttp.ClientSession,
) -> None:
    async with started() as session:
        url = f"{session.ws_url}?session_token=whatever"
        async with http.ws_connect(url, headers={"Origin": "https://somewhere.example"}) as ws:
            assert await told(ws) == {"do": "socket", "is": "open", "connection": 1, "frame": None}
            await ws.send_str('{"type": "agent.interrupt"}')
            assert (await told(ws))["frame"] == '{"type": "agent.interrupt"}'
            await ws.send_str("no JSON \u0000\u00fc\U0001f600")
            assert (await told(ws))["frame"] == "no JSON \u0000\u00fc\U0001f600"


async def test_frames_that_cannot_be_commands_are_passed_on_with_a_reason(
    http: aiohttp.ClientSession,
) -> None:
    async with started() as session, http.ws_connect(session.ws_url) as ws:
        await told(ws)
        await ws.send_bytes(b"\1\2")
        binary = await told(ws)
        await ws.send_str("\u0001" * LONGEST_FRAME)
        largest = await told(ws)
        await ws.send_str("x" * (LONGEST_FRAME + 1))
        larger = await told(ws)
        await ws.send_str("x" * (LONGEST_READ + 1))
        closed = await ws.receive()

        assert "binary" in binary["why"]
        assert largest["frame"] == "\u0001" * 100
        assert (binary["frame"], larger["frame"]) == (None, None)
        assert str(LONGEST_FRAME) in larger["why"]
        assert closed.data == 1009


async def test_pings_are_answered(http: aiohttp.ClientSession) -> None:
    async with started() as session, http.ws_connect(session.ws_url, autoping=False) as ws:
        await told(ws)
        await ws.ping(b"are you there")
        pong = await ws.receive(timeout=PATIENCE)

        assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"are you there")


async def test_the_newest_connection_replaces_the_one_before(http: aiohttp.ClientSession) -> None:
    async with started() as session, http.ws_connect(session.ws_url) as first:
        await told(first)
        async with http.ws_connect(session.ws_url) as second:
            opened = await told(second)
            await second.send_str("hello")

            assert opened["connection"] == 2
            assert (await told(second))["connection"] == 2
            closed = await first.receive(timeout=PATIENCE)
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1000)
            assert closed.extra == "replaced by a newer connection"


async def test_a_caller_may_come_back_until_the_session_is_over(http: aiohttp.ClientSession) -> None:
    async with started() as session:
        for number in (1, 2, 3):
            async with http.ws_connect(session.ws_url) as ws:
                assert (await told(ws))["connection"] == number
        await session.stop()

        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await http.ws_connect(session.ws_url)


async def test_the_end_of_the_session_closes_the_websocket_in_order(http: aiohttp.ClientSession) -> None:
    async with started() as session, http.ws_connect(session.ws_url) as ws:
        await told(ws)
        stopping = asyncio.create_task(session.stop())
        closed = await ws.receive(timeout=PATIENCE)
        await stopping

        assert (closed.type, closed.data, closed.extra) == (aiohttp.WSMsgType.CLOSE, 1000, "USER_CLOSED")


async def test_a_crash_of_the_worker_closes_the_websocket_as_an_error(http: aiohttp.ClientSession) -> None:
    async with started() as session, http.ws_connect(session.ws_url) as ws:
        await told(ws)
        await ws.send_str("die")
        closed = await ws.receive(timeout=PATIENCE)

        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1011)
        assert (await session.service.ended(session.id))["end_reason"] == "SERVER_ERROR"


async def test_commands_keep_the_session_alive_and_a_silent_websocket_does_not(
    http: aiohttp.ClientSession,
) -> None:
    async with started(idle_timeout=2.0) as session, http.ws_connect(session.ws_url) as ws:
        silent = await start(session.service)
        async with http.ws_connect(silent.ws_url):
            ending = asyncio.create_task(session.service.ended(silent.id))
            while not ending.done():
                await ws.send_str("hello")
                await asyncio.wait({ending}, timeout=0.1)
        shown = await session.service.get(f"/v1/sessions/{session.id}")

        assert (await ending)["end_reason"] == "IDLE_TIMEOUT"
        assert "end_reason" not in shown
        assert (await session.service.ended(session.id))["end_reason"] == "IDLE_TIMEOUT"


async def test_a_sandbox_session_ends_with_its_minute_and_closes_in_order(
    http: aiohttp.ClientSession,
) -> None:
    settings = {"sandbox_duration": 0.5}
    async with started({"is_sandbox": True}, **settings) as session, http.ws_connect(session.ws_url) as ws:
        await told(ws)
        closed = await ws.receive(timeout=PATIENCE)

        assert (closed.type, closed.data, closed.extra) == (
            aiohttp.WSMsgType.CLOSE,
            1000,
            "MAX_DURATION_REACHED",
        )


async def test_a_caller_that_never_reads_is_heard_and_disconnected_at_the_end() -> None:
    async with started() as session:
        _, writer = await _raw_websocket(session.ws_url)
        # Each ping and each frame gets an answer, far more than the sockets buffer, and the caller reads none.
        ping = _masked(0x89, b"p" * 125)
        frames = _masked(0x81, b"x" * 100)
        for _ in range(60):
            writer.write(ping * 700 + frames * 60)
            await writer.drain()
        writer.write(_masked(0x81, b"die"))
        await writer.drain()

        assert (await session.service.ended(session.id))["end_reason"] == "SERVER_ERROR"
        writer.transport.abort()


async def _raw_websocket(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, path = url.removeprefix("ws://").partition("/")
    name, port = host.split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (name, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain, limit=1024)
    key = base64.b64encode(b"0123456789abcdef").decode()
    writer.write(
        f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    return reader, writer


def _masked(first: int, payload: bytes) -> bytes:
    """Return a frame of up to 125 bytes as a client sends it, with a mask of zeros."""
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload
