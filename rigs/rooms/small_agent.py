"""An agent on an unmodified livekit-agents: `python -m rigs.rooms.small_agent <name> <most jobs at a time>`.

It answers texts. Its attributes hold its process id and the pitch (Hz) of the first sound that it hears. SIGTERM
drains it.
"""

import asyncio
import os
import signal
import sys

from livekit import rtc
from livekit.agents import AgentServer, JobContext

from rigs.rooms.room_rig import pitch


async def entry(ctx: JobContext) -> None:
    heard: asyncio.Queue[rtc.Track] = asyncio.Queue()

    @ctx.room.on("track_subscribed")
    def subscribed(track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            heard.put_nowait(track)

    tasks = set[asyncio.Task[None]]()

    async def answer(reader: rtc.TextStreamReader, identity: str) -> None:
        question = await reader.read_all()
        reply = f"{ctx.job.metadata}: {question[::-1]}"
        await ctx.room.local_participant.send_text(reply, topic="answer", destination_identities=[identity])

    def asked(reader: rtc.TextStreamReader, identity: str) -> None:
        tasks.add(asyncio.create_task(answer(reader, identity)))

    async def publish_pitch() -> None:
        frequency = await pitch(await heard.get(), seconds=0.5)
        await ctx.room.local_participant.set_attributes({"heard": f"{frequency:.0f}"})

    ctx.room.register_text_stream_handler("question", asked)
    await ctx.connect()
    await ctx.room.local_participant.set_attributes({"pid": str(os.getpid())})
    tasks.add(asyncio.create_task(publish_pitch()))


async def main(name: str, most_jobs: int) -> None:
    server = AgentServer(  # URL and keys are in the environment
        host="127.0.0.1",
        port=0,
        num_idle_processes=1,
        load_fnc=lambda server: len(server.active_jobs) / most_jobs,
        load_threshold=0.99,
        drain_timeout=30,
    )
    server.rtc_session(entry, agent_name=name)
    server.on("worker_registered", lambda *_: os.write(1, b"registered\n"))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    running = asyncio.create_task(server.run())
    await stopping.wait()
    await server.drain()
    await server.aclose()
    await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
