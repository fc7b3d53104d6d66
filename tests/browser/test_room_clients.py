"""The pages' livekit-client and the older one of the web SDK, in a real Chromium, in rooms of the embedded server."""

import io
import math
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api, rtc
from playwright.async_api import Browser, Page, async_playwright

from rigs.rooms.room_rig import Events, Publisher, RoomRig, pictures, pitch, room_rig, until

pytestmark = [pytest.mark.browser, pytest.mark.rooms, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
CLIENTS = {
    "2.23.0": ROOT / "static/vendor/livekit-client-2.23.0.esm.min.js",
    "2.15.7": ROOT
    / "node_modules/@heygen/liveavatar-web-sdk/node_modules/livekit-client/dist/livekit-client.esm.mjs",
}

# (client, its RoomOptions)
V1 = pytest.param("2.23.0", {}, id="2.23.0-v1")
V0 = pytest.param("2.23.0", {"singlePeerConnection": False}, id="2.23.0-v0")
OLD = pytest.param("2.15.7", {}, id="2.15.7")
every_client = pytest.mark.parametrize(("client", "options"), [V1, V0, OLD])

PAGE = """<!doctype html><title>room</title><video id="video" autoplay muted playsinline></video>
<script type="module">
const log = []
const kept = window.kept = {}

window.enter = async (client, url, token, options) => {
  const { Room, RoomEvent } = await import(`/clients/${client}`)
  const room = kept.room = new Room(options)
  for (const event of ['reconnecting', 'signalReconnecting', 'reconnected', 'disconnected', 'trackUnsubscribed'])
    room.on(event, detail => log.push([event, typeof detail === 'number' ? detail : null]))
  room.on(RoomEvent.DataReceived, (bytes, from) => log.push(['data', new TextDecoder().decode(bytes), from?.identity]))
  const video = document.getElementById('video')
  const started = performance.now()
  const frame = new Promise(done => video.requestVideoFrameCallback(done))
  room.on(RoomEvent.TrackSubscribed, track => {
    if (track.kind === 'video') track.attach(video)
    else listen(track)
  })
  await room.connect(url, token)
  const connected = performance.now() - started
  await frame
  return { connected, firstFrame: performance.now() - started }
}

function listen(track) {
  track.attach()  // Chromium delivers no sound to WebAudio unless an element plays the track as well
  const context = new AudioContext()
  kept.analyser = context.createAnalyser()
  context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(kept.analyser)
}

window.loudness = () => {
  if (!kept.analyser) return 0
  const samples = new Float32Array(kept.analyser.fftSize)
  kept.analyser.getFloatTimeDomainData(samples)
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
}

window.greys = async count => {  // the brightness of the middle of the next frames
  const video = document.getElementById('video')
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const seen = []
  while (seen.length < count) {
    await new Promise(done => video.requestVideoFrameCallback(done))
    canvas.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1)
    seen.push(canvas.getImageData(0, 0, 1, 1).data[0])
  }
  return seen
}

window.say = text => kept.room.localParticipant.publishData(new TextEncoder().encode(text), { reliable: true })
window.speak = on => kept.room.localParticipant.setMicrophoneEnabled(on, {
  echoCancellation: false, noiseSuppression: false, autoGainControl: false })
window.streams = () => [...kept.room.remoteParticipants.values()].flatMap(participant =>
  [...participant.trackPublications.values()].map(publication => publication.track?.mediaStream?.id))
window.hide = hidden => { document.getElementById('video').style.display = hidden ? 'none' : '' }
window.received = async () => {
  const publication = [...kept.room.remoteParticipants.values()][0].videoTrackPublications.values().next().value
  const stats = await publication.track.receiver.getStats()
  return [...stats.values()].find(report => report.type === 'inbound-rtp').framesDecoded
}
window.happened = (name, detail) => log.some(([event, text]) => event === name && (detail == null || text === detail))
window.leave = () => kept.room.disconnect()
</script>"""


def tone(hertz: float) -> bytes:
    """A second of a sine as a WAV file, which Chromium's fake microphone plays in a loop."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        for number in range(48_000):
            file.writeframes(struct.pack("<h", int(12_000 * math.sin(2 * math.pi * hertz * number / 48_000))))
    return out.getvalue()


def add_pages(app: web.Application) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def client(request: web.Request) -> web.Response:
        text = CLIENTS[request.match_info["client"]].read_text()
        return web.Response(text=text, content_type="text/javascript")

    app.router.add_get("/", page)
    app.router.add_get("/clients/{client}", client)


@pytest_asyncio.fixture(loop_scope="session")
async def rig() -> AsyncIterator[RoomRig]:
    async with room_rig(routes=add_pages) as rig:
        yield rig


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def humming_browser(
    chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """A browser of this file's own: the fake microphone's sound is chosen when it starts."""
    microphone = tmp_path_factory.mktemp("microphone") / "440-hertz.wav"
    microphone.write_bytes(tone(440))
    arguments = [
        "--no-sandbox",
        "--allow-loopback-in-peer-connection",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(rig: RoomRig, humming_browser: Browser) -> AsyncIterator[Page]:
    page = await humming_browser.new_page()
    await page.goto(rig.http)
    yield page
    await page.close()


async def enter(page: Page, rig: RoomRig, client: str, options: dict[str, Any]) -> dict[str, float]:
    """Join as `visitor`; returns once the first frame is on screen. Times in milliseconds."""
    if not CLIENTS[client].exists():
        pytest.skip(f"livekit-client {client} is not installed: run npm ci")
    arguments = [client, rig.url, rig.token("visitor"), options]
    times: dict[str, float] = await page.evaluate("arguments_ => enter(...arguments_)", arguments)
    return times


@every_client
async def test_a_page_sees_hears_and_is_heard(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    avatar = await rig.join("avatar")
    publisher = await Publisher(avatar).start()
    events = Events(avatar, "data_received", "track_subscribed", "track_muted")

    await enter(page, rig, client, options)

    assert len(set(await page.evaluate("greys(15)"))) > 5
    await page.wait_for_function("loudness() > 0.05")
    await page.evaluate("say('hello avatar')")
    (packet,) = await events.first("data_received")
    assert (packet.data, packet.participant.identity) == (b"hello avatar", "visitor")
    await avatar.local_participant.publish_data("hello visitor")
    await page.wait_for_function("happened('data', 'hello visitor')")
    await page.evaluate("speak(true)")
    microphone, *_ = await events.first("track_subscribed")
    assert await pitch(microphone) == pytest.approx(440, abs=5)
    await page.evaluate("speak(false)")
    await events.first("track_muted")
    await publisher.stop()


@every_client
async def test_a_page_shows_h264(rig: RoomRig, page: Page, client: str, options: dict[str, Any]) -> None:
    publisher = await Publisher(await rig.join("avatar")).start(rtc.VideoCodec.H264)

    await enter(page, rig, client, options)

    assert len(set(await page.evaluate("greys(15)"))) > 5
    await publisher.stop()


@every_client
async def test_sound_and_picture_of_one_stream_arrive_in_one_stream(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    """Browsers sync only tracks of the same MediaStream."""
    avatar = await rig.join("avatar")
    publisher = await Publisher(avatar).start()

    await enter(page, rig, client, options)
    await page.wait_for_function("loudness() > 0.05")

    assert await page.evaluate("streams()") == [f"{avatar.local_participant.sid}|face"] * 2
    await publisher.stop()


@every_client
async def test_a_page_resumes_when_its_signalling_is_cut(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    await enter(page, rig, client, options)

    rig.cut_signalling()
    await page.wait_for_function("happened('reconnected')")

    assert not await page.evaluate("happened('trackUnsubscribed')")
    assert len(set(await page.evaluate("greys(10)"))) > 3
    await publisher.stop()


@every_client
async def test_a_page_joins_a_restarted_server_by_itself(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    await enter(page, rig, client, options)

    await rig.restart_server()
    await page.wait_for_function("happened('reconnected')")

    assert len(set(await page.evaluate("greys(10)"))) > 3
    await publisher.stop()


@every_client
async def test_a_hidden_picture_is_not_sent(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    await enter(page, rig, client, {**options, "adaptiveStream": True})

    await page.evaluate("hide(true)")
    counts: list[int] = []

    async def at_rest() -> bool:
        await page.wait_for_timeout(300)
        counts.append(await page.evaluate("received()"))
        return len(counts) > 1 and counts[-1] == counts[-2]

    await until(at_rest)
    await page.evaluate("hide(false)")

    assert await page.evaluate("greys(5)")
    await publisher.stop()


@every_client
async def test_a_page_learns_why_it_was_sent_away(
    rig: RoomRig, page: Page, client: str, options: dict[str, Any]
) -> None:
    publisher = await Publisher(await rig.join("avatar")).start()
    await enter(page, rig, client, options)

    await rig.service.remove_participant(api.RoomParticipantIdentity(room="studio", identity="visitor"))

    await page.wait_for_function(f"happened('disconnected', {rtc.DisconnectReason.PARTICIPANT_REMOVED})")
    await publisher.stop()


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_page_with_a_bad_token_is_told_so(rig: RoomRig, page: Page, client: str) -> None:
    if not CLIENTS[client].exists():
        pytest.skip(f"livekit-client {client} is not installed: run npm ci")

    refused = await page.evaluate(
        "([client, url]) => enter(client, url, 'nonsense', {}).catch(error => [error.status, error.message])",
        [client, rig.url],
    )

    assert refused[0] == 401
    assert "invalid token" in refused[1]


async def test_a_camera_of_the_page_is_seen(rig: RoomRig, page: Page) -> None:
    avatar = await rig.join("avatar")
    publisher = await Publisher(avatar).start()
    events = Events(avatar, "track_subscribed")
    await enter(page, rig, "2.23.0", {})

    await page.evaluate("kept.room.localParticipant.setCameraEnabled(true)")

    track, *_ = await events.first(
        "track_subscribed", lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
    )
    assert await pictures(track, 3)
    await publisher.stop()
