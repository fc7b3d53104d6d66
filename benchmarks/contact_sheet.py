"""The avatar's picture in all states as a viewer receives it, beside the drawing: docs/images/contact-sheet.png.

The upper picture of each pair is the drawing, the lower one a frame that a viewer received after encoder, relay and
decoder.
"""

import argparse
import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from livekit import rtc
from PIL import Image, ImageDraw

from benchmarks.viewers import PATIENCE, Viewer, viewing
from rigs.processes import running_simulator
from simulator.avatar.lips import REST, Mouth
from simulator.avatar.motion import Mood, Motion
from simulator.avatar.painter import Painter
from simulator.avatar.rig import SIZES, View
from simulator.avatar.sprites import load_sprites
from simulator.seed import COFFEE_CONTEXT

SHEET = Path(__file__).parent.parent / "docs/images/contact-sheet.png"
LOW = View(*SIZES["low"])
WIDTH, HEIGHT, GAP, LABEL = 240, 135, 8, 18  # of one picture on the sheet, in pixels
COLUMNS = 4
SETTLE = 1.5  # seconds until a bearing is reached
FILMED = 3.0  # seconds of a mood
THINKING = SETTLE + FILMED + 1.0  # seconds of the `thinking` fault


@dataclass(frozen=True, slots=True)
class State:
    """One picture: a state of the avatar; for speech its words and the mouth to show."""

    name: str
    mood: Mood
    words: str = ""
    mouth: str = ""


STATES = (
    State("idle", Mood.IDLE),
    State("listening", Mood.LISTENING),
    State("thinking", Mood.THINKING),
    State("speaking, m b p", Mood.SPEAKING, "Mama, papa, mama, papa, mama.", "mouth_press"),
    State("speaking, ah", Mood.SPEAKING, "Ah! Aha! Papa, aha, ah!", "mouth_open7_wide2"),
    State("speaking, ee", Mood.SPEAKING, "Eat these three sweet peas, please.", "mouth_open2_wide4"),
    State("speaking, oo", Mood.SPEAKING, "Who knew? You do. You two, too.", "mouth_open2_wide0"),
    State("speaking, f v", Mood.SPEAKING, "Five fans of very fine vivid views.", "mouth_fv"),
)


async def filmed(viewer: Viewer, simulator: httpx.AsyncClient, state: State) -> list[Image.Image]:
    """Return the frames of `state` as they arrive."""
    match state.mood:
        case Mood.SPEAKING:
            begun = await viewer.speaks(state.words)
            film = asyncio.create_task(frames(viewer))
            await viewer.event("avatar.speak_ended", since=begun)
            return await stopped(film)
        case Mood.LISTENING:
            await viewer.command("avatar.start_listening")
        case Mood.THINKING:
            await viewer.command("avatar.stop_listening")
            fault = {"fault": "thinking", "seconds": THINKING}
            (await simulator.post("/simulator/faults", json=fault)).raise_for_status()
            await viewer.command("avatar.speak_response", text="What do you know about coffee?")
    await asyncio.sleep(SETTLE)
    film = asyncio.create_task(frames(viewer))
    await asyncio.sleep(FILMED)
    pictures = await stopped(film)
    await viewer.command("avatar.interrupt")
    return pictures


async def frames(viewer: Viewer) -> list[Image.Image]:
    """Collect frames until cancelled; return them."""
    pictures = []
    stream = rtc.VideoStream(await viewer.track(rtc.TrackKind.KIND_VIDEO), format=rtc.VideoBufferType.RGB24)
    try:
        async for event in stream:
            size = event.frame.width, event.frame.height
            pictures.append(Image.frombytes("RGB", size, bytes(event.frame.data)))
    except asyncio.CancelledError:
        await stream.aclose()
    return pictures


async def stopped(film: "asyncio.Task[list[Image.Image]]") -> list[Image.Image]:
    film.cancel()
    return await film


def drawn(state: State) -> list[Image.Image]:
    """Return the poses of `state`, as they are drawn."""
    painter = Painter(load_sprites("ava", LOW.height), LOW)
    motion = Motion(random.Random(1))
    mouth = Mouth(state.mouth, 0.3) if state.mouth else REST
    shown, pictures = painter.background.copy(), []
    for number in range(400):
        pose = motion.at(number * 0.05, state.mood, mouth).snapped(LOW)
        patch = painter.paint(pose)
        shown.paste(patch.picture, (patch.box.x, patch.box.y))
        if number > 40 and number % 4 == 0 and "open" in pose.eyes:
            pictures.append(shown.copy())
    return pictures


def likest(drawings: list[Image.Image], received: list[Image.Image]) -> tuple[Image.Image, Image.Image]:
    """Return the drawing and the frame that are most alike."""
    small = [
        [np.asarray(picture).astype(np.float32)[::3, ::3] for picture in of] for of in (drawings, received)
    ]
    _, drawing, frame = min(
        (float(((one - other) ** 2).mean()), number, index)
        for number, one in enumerate(small[0])
        for index, other in enumerate(small[1])
    )
    return drawings[drawing], received[frame]


def sheet(rows: Iterable[tuple[State, Image.Image, Image.Image]]) -> Image.Image:
    """Return one picture with all pairs."""
    pairs = list(rows)
    cell_width, cell_height = WIDTH + GAP, 2 * HEIGHT + GAP + LABEL
    lines = -(-len(pairs) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * cell_width + GAP, lines * cell_height + GAP), "white")
    pen = ImageDraw.Draw(page)
    for number, (state, drawing, frame) in enumerate(pairs):
        x, y = GAP + number % COLUMNS * cell_width, GAP + number // COLUMNS * cell_height
        for index, picture in enumerate((drawing, frame)):
            page.paste(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), (x, y + index * HEIGHT))
        pen.text((x, y + 2 * HEIGHT + 2), f"{state.name}: drawn above, received below", fill="#334155")
    return page


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoding", default="VP8", choices=["VP8", "H264"])
    parser.add_argument("--into", type=Path, default=SHEET)
    options = parser.parse_args()
    rows = []
    with running_simulator(SIMULATOR_LOG_LEVEL="WARNING") as running:
        video = {"quality": "low", "encoding": options.encoding}
        persona = {"context_id": COFFEE_CONTEXT}
        async with (
            httpx.AsyncClient(base_url=running.api_url, timeout=PATIENCE) as simulator,
            viewing(running, video_settings=video, avatar_persona=persona) as viewer,
        ):
            await viewer.event("avatar.speak_ended")  # of its opening words
            for state in STATES:
                received = await filmed(viewer, simulator, state)
                rows.append((state, *likest(drawn(state), received)))
                print(f"{state.name}: {len(received)} frames received")
    sheet(rows).save(options.into, optimize=True)
    print(f"{options.into}: {options.into.stat().st_size // 1000} kB")


if __name__ == "__main__":
    asyncio.run(main())
