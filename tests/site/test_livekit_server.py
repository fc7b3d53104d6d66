"""The site's client of our LiveKit, on both servers: removing twice is no error, and errors have a reason."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.core.exceptions import ImproperlyConfigured
from livekit import api, rtc
from livekit.rtc.participant import PublishTrackError

from liveavatar_site.environment import read_environment
from rigs.rooms.room_rig import API_KEY, API_SECRET, EVERY_SERVER, PATIENCE, RoomRig, room_rig
from sessions_app.custom.livekit_server import AGENT_NAME, Dispatch, LiveKitServer, LiveKitUnavailable

NO_FILE = Path(os.devnull)


@pytest.fixture(params=EVERY_SERVER)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[RoomRig]:
    async with room_rig(request.param) as rig:
        yield rig


@pytest.fixture
async def livekit(rig: RoomRig) -> AsyncIterator[LiveKitServer]:
    livekit = LiveKitServer(rig.url, API_KEY, API_SECRET)
    yield livekit
    await livekit.aclose()


async def dispatched(rig: RoomRig) -> list[str]:
    listed = await rig.dispatch.list_dispatch(rig.room)
    return [dispatch.id for dispatch in listed if dispatch.agent_name == AGENT_NAME]


async def test_a_room_is_opened_with_its_timeout_and_a_second_delete_is_no_error(
    rig: RoomRig, livekit: LiveKitServer
) -> None:
    await livekit.open_room(rig.room, empty_for=660)
    (room,) = (await rig.service.list_rooms(api.ListRoomsRequest(names=[rig.room]))).rooms
    for _ in range(2):
        await livekit.delete_room(rig.room)

    assert (room.empty_timeout, room.departure_timeout) == (660, 660)
    assert not (await rig.service.list_rooms(api.ListRoomsRequest(names=[rig.room]))).rooms


async def test_a_withdrawal_removes_dispatch_and_agent_and_a_second_one_is_no_error(
    rig: RoomRig, livekit: LiveKitServer
) -> None:
    await livekit.open_room(rig.room, empty_for=60)
    dispatch = await livekit.dispatch(rig.room, {"attempt": 1})
    agent, put_out = await rig.join("agent-1"), asyncio.Event()
    agent.on("disconnected", lambda _: put_out.set())
    before = await dispatched(rig)
    for _ in range(2):
        await livekit.withdraw(dispatch, "agent-1")
    await asyncio.wait_for(put_out.wait(), PATIENCE)

    assert before == [dispatch.id]
    assert await dispatched(rig) == []
    assert await rig.inside() == []


async def test_a_withdrawal_in_a_deleted_room_is_no_error(rig: RoomRig, livekit: LiveKitServer) -> None:
    await livekit.open_room(rig.room, empty_for=60)
    dispatch = await livekit.dispatch(rig.room, {})
    await livekit.delete_room(rig.room)

    async with asyncio.timeout(PATIENCE):
        await livekit.withdraw(dispatch, "agent-1")


async def test_a_visitor_may_publish_a_microphone_and_data_but_no_camera(
    rig: RoomRig, livekit: LiveKitServer
) -> None:
    visitor, heard = rtc.Room(), asyncio.Event()
    listener = await rig.join("listener")
    listener.on("data_received", lambda _: heard.set())
    token = livekit.user_token(rig.room, "visitor-1", timedelta(minutes=1))
    await visitor.connect(rig.url, token)
    try:
        me = visitor.local_participant
        sound = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48_000, 1))
        voice = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await me.publish_track(sound, voice)
        await me.publish_data(b"hello")
        await asyncio.wait_for(heard.wait(), PATIENCE)
        picture = rtc.LocalVideoTrack.create_video_track("face", rtc.VideoSource(64, 64))
        camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        with pytest.raises((PublishTrackError, TimeoutError)):
            await asyncio.wait_for(me.publish_track(picture, camera), 2)
    finally:
        await visitor.disconnect()


@pytest.mark.parametrize("call", ["open", "delete", "dispatch", "withdraw"])
@pytest.mark.parametrize(
    ("key", "secret"), [(API_KEY, "another secret of sufficient length"), ("unknown", API_SECRET)]
)
async def test_a_refusal_of_the_server_is_reported_without_secrets(
    rig: RoomRig, call: str, key: str, secret: str
) -> None:
    livekit = LiveKitServer(rig.url, key, secret)
    try:
        with pytest.raises(LiveKitUnavailable, match="LIVEKIT_API_KEY is unknown there") as raised:
            await called(livekit, call, rig.room)
    finally:
        await livekit.aclose()

    assert secret not in repr(raised.value)


@pytest.mark.parametrize("call", ["open", "delete", "dispatch", "withdraw"])
@pytest.mark.parametrize("answer", [(200, "<h1>It works!</h1>"), (404, "not here"), None])
async def test_another_server_at_the_address_is_unavailable(
    call: str, answer: tuple[int, str] | None
) -> None:
    async def page(_: web.Request) -> web.Response:
        assert answer is not None
        return web.Response(status=answer[0], text=answer[1])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    livekit = LiveKitServer(f"ws://127.0.0.1:{runner.addresses[0][1]}", API_KEY, API_SECRET)
    if answer is None:
        await runner.cleanup()
    try:
        with pytest.raises(LiveKitUnavailable):
            await called(livekit, call, "studio")
    finally:
        await livekit.aclose()
        await runner.cleanup()


async def called(livekit: LiveKitServer, call: str, room: str) -> Any:
    match call:
        case "open":
            return await livekit.open_room(room, empty_for=60)
        case "delete":
            return await livekit.delete_room(room)
        case "dispatch":
            return await livekit.dispatch(room, {})
        case _:
            return await livekit.withdraw(Dispatch("AD_1", room), "agent-1")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", None),
        ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880"),
        ("wss://project.livekit.cloud/", "wss://project.livekit.cloud"),
        ("https://project.livekit.cloud", "wss://project.livekit.cloud"),
        ("http://localhost:7880/livekit/", "ws://localhost:7880/livekit"),
    ],
)
def test_the_address_is_converted_to_a_websocket_url(
    monkeypatch: pytest.MonkeyPatch, text: str, url: str | None
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", text)

    assert url == read_environment(NO_FILE).LIVEKIT_URL


@pytest.mark.parametrize("text", ["rooms.example.org", "ftp://rooms.example.org", "wss://"])
def test_an_invalid_address_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LIVEKIT_URL", text)

    with pytest.raises(
        ImproperlyConfigured, match=r"LIVEKIT_URL: .* must be the address of a LiveKit server"
    ):
        read_environment(NO_FILE)
