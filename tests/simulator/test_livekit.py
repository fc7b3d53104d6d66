"""A simulator with its rooms on an external LiveKit server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from livekit import api

from rigs.rooms.room_rig import API_KEY, API_SECRET, EVERY_SERVER, RoomRig, room_rig
from rigs.services.simulated_service import SimulatedService, simulated_service
from simulator.__main__ import banner
from simulator.settings import InvalidSetting, LiveKit, Settings, from_environment

BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
VARIABLES = ("SIMULATOR_LIVEKIT_URL", "SIMULATOR_LIVEKIT_API_KEY", "SIMULATOR_LIVEKIT_API_SECRET")


@pytest.fixture(params=EVERY_SERVER)
async def rooms(request: pytest.FixtureRequest) -> AsyncIterator[RoomRig]:
    """The external server."""
    async with room_rig(request.param) as rig:
        yield rig


@pytest.fixture
def livekit(rooms: RoomRig) -> LiveKit:
    return LiveKit(rooms.url, API_KEY, API_SECRET)


@pytest.fixture
async def service(livekit: LiveKit) -> AsyncIterator[SimulatedService]:
    async with simulated_service(livekit=livekit) as service:
        yield service


async def rooms_named(rooms: RoomRig, name: str) -> list[Any]:
    return list((await rooms.service.list_rooms(api.ListRoomsRequest(names=[name]))).rooms)


async def test_a_session_opens_its_room_there_for_its_longest_duration(
    rooms: RoomRig, livekit: LiveKit
) -> None:
    async with simulated_service(livekit=livekit, max_duration=1800.0) as service:
        session_id, bearer = await service.mint()
        data = (await service.http.post("/v1/sessions/start", headers=bearer)).json()["data"]
        opened = await rooms_named(rooms, session_id)
        claims = api.TokenVerifier(API_KEY, API_SECRET).verify(data["livekit_client_token"])
        await service.http.post("/v1/sessions/stop", headers=bearer)

    assert data["livekit_url"] == rooms.url
    assert claims.video is not None
    assert claims.video.room == session_id
    # livekit-server counts a room with only an avatar in it as empty.
    assert min(opened[0].empty_timeout, opened[0].departure_timeout) > 1800
    assert await rooms_named(rooms, session_id) == []


@pytest.mark.parametrize(
    "path", ["/rtc", "/rtc/v1", "/rtc/validate", "/agent", "/twirp/livekit.RoomService/ListRooms"]
)
async def test_the_embedded_room_server_is_off(service: SimulatedService, path: str) -> None:
    assert (await service.http.get(path)).status_code == 404
    assert (await service.http.post(path)).status_code == 404


async def test_an_unreachable_room_server_fails_the_start_without_a_charge(
    rooms: RoomRig, service: SimulatedService
) -> None:
    _, bearer = await service.mint()
    rooms.refuse_connections()
    refused = await service.http.post("/v1/sessions/start", headers=bearer)
    rooms.accept_connections()
    again = await service.http.post("/v1/sessions/start", headers=bearer)

    assert refused.status_code == 500
    assert "room server" in refused.json()["message"]
    assert again.status_code == 201
    assert (await service.get("/v1/users/credits"))["credits_left"].startswith("998")


async def test_a_session_can_be_stopped_after_its_room_was_deleted(
    rooms: RoomRig, service: SimulatedService
) -> None:
    session_id, bearer = await service.running()
    await rooms.service.delete_room(api.DeleteRoomRequest(room=session_id))
    stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

    assert stopped.status_code == 200


async def test_packet_loss_needs_the_embedded_server_and_the_console_says_so(
    service: SimulatedService,
) -> None:
    refused = await service.http.post("/simulator/faults", json={"fault": "loss"})
    known = (await service.http.get("/simulator/faults")).json()["faults"]
    page = (await service.http.get("/simulator/", headers=BROWSER)).text

    assert refused.status_code == 422
    assert "embedded room server" in refused.json()["error"]
    assert [fault["fault"] for fault in known if not fault["possible"]] == ["loss"]
    assert "This fault needs the embedded room server" in page
    assert 'aria-label="Switch on Packet loss"' not in page


async def test_the_console_names_the_server_but_not_its_secret(
    rooms: RoomRig, service: SimulatedService
) -> None:
    page = (await service.http.get("/simulator/", headers=BROWSER)).text

    assert rooms.url in page
    assert "SIMULATOR_LIVEKIT_URL" in page
    assert API_SECRET not in page


async def test_the_banner_names_the_server_but_not_its_secret(
    service: SimulatedService, livekit: LiveKit
) -> None:
    elsewhere = banner(service.addresses, Settings(livekit=livekit))
    embedded = banner(service.addresses, Settings())

    assert f"{livekit.url} (SIMULATOR_LIVEKIT_URL; the embedded one is off)" in elsewhere
    assert livekit.secret not in elsewhere
    assert livekit.secret in embedded  # random, made for this process


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"secret": "another secret that is long enough"}, "does not know this key"),
        ({"key": "unknown"}, "does not know this key"),
        ({"url": "ws://127.0.0.1:9"}, "cannot be reached"),
    ],
)
async def test_an_unusable_server_stops_the_simulator_with_a_reason(
    rooms: RoomRig, changes: dict[str, str], why: str
) -> None:
    livekit = LiveKit(**{"url": rooms.url, "key": API_KEY, "secret": API_SECRET, **changes})

    with pytest.raises(
        InvalidSetting, match=rf"LiveKit server of SIMULATOR_LIVEKIT_URL, {livekit.url}: .*{why}"
    ) as raised:
        async with simulated_service(livekit=livekit):
            pass

    assert livekit.secret not in str(raised.value)


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_server_that_is_not_livekit_is_recognised(status: int) -> None:
    app = web.Application()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>", status=status)

    app.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        with pytest.raises(InvalidSetting, match="not a LiveKit server"):
            async with simulated_service(livekit=LiveKit(url, API_KEY, API_SECRET)):
                pass
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880"),
        ("wss://rooms.example.org/", "wss://rooms.example.org"),
        ("https://project.livekit.cloud", "wss://project.livekit.cloud"),
        ("http://[::1]:7880/livekit/", "ws://[::1]:7880/livekit"),
    ],
)
def test_the_address_may_have_any_scheme_that_livekit_uses(text: str, url: str) -> None:
    environment = dict(zip(VARIABLES, (text, "key", "secret"), strict=True))

    assert from_environment(environment).livekit == LiveKit(url, "key", "secret")


@pytest.mark.parametrize("text", ["rooms.example.org", "ftp://x", "ws://", "ws://x:99999", "ws://x:0"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="SIMULATOR_LIVEKIT_URL must be the address of a LiveKit server"):
        from_environment({"SIMULATOR_LIVEKIT_URL": text})


@pytest.mark.parametrize("given", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_address_key_and_secret_are_required_together(given: tuple[int, ...]) -> None:
    values = ("ws://127.0.0.1:7880", "key", "secret")
    environment = {VARIABLES[index]: values[index] for index in given}

    with pytest.raises(InvalidSetting) as raised:
        from_environment(environment)

    for name in set(VARIABLES) - set(environment):
        assert name in str(raised.value)
