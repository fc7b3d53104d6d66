"""An avatar spoken for by a pipeline of your own: no livekit-agents, no site, only the service and the media websocket.

    python -m docs.examples.own_pipeline < lines.txt

Starts a CUSTOM session in a room of the service, says every line of the standard input, and stops the session. A line
that begins with "!" interrupts what is being said. Watch it at the address that is printed first.

`lines` is the brain and `say` the voice: put your own there. Without LIVEAVATAR_API_KEY it talks to the simulator.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from liveavatar import CustomSession, LiveAvatar, StartedSession
from liveavatar.media_socket import MediaSocket
from liveavatar.utterance import Utterance
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice

API_KEY = os.environ.get("LIVEAVATAR_API_KEY", "")
API_URL = os.environ.get("LIVEAVATAR_API_URL") or (
    "https://api.liveavatar.com" if API_KEY else "http://127.0.0.1:8700"
)
VIEWER = "https://meet.livekit.io/custom"  # any page that joins a LiveKit room


async def main() -> None:
    """One session of at most a minute, free of charge at the real service."""
    async with LiveAvatar(API_KEY or "simulated", API_URL) as liveavatar:
        avatar = await anext(liveavatar.public_avatars())
        token = await liveavatar.create_session_token(
            CustomSession(avatar_id=avatar.avatar_id, is_sandbox=True, max_session_duration=60)
        )
        try:
            await converse(await liveavatar.start_session(token))
        finally:
            await liveavatar.stop_session(session_id=token.session_id)


async def converse(session: StartedSession) -> None:
    """Say what comes until nothing more does, and tell what became of each line: played, cut or lost."""
    way_in = urlencode({"liveKitUrl": session.livekit_url, "token": session.livekit_client_token})
    print(f"{VIEWER}?{way_in}", flush=True)  # noqa: T201
    mouth = EspeakSpeaker()
    said: list[Utterance] = []
    try:
        async with MediaSocket(session.ws_url or "") as avatar:
            async for line in lines():
                if line.startswith("!"):
                    await avatar.interrupt()
                said.append(await say(line.lstrip("!"), mouth, avatar))
            for utterance in said:
                print((await utterance.done).value)  # noqa: T201
    finally:
        await mouth.close()


async def lines() -> AsyncIterator[str]:
    """What the avatar is to say: here the lines of the standard input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line.strip()


async def say(text: str, mouth: EspeakSpeaker, avatar: MediaSocket) -> Utterance:
    """Send the sound of `text` while it is made. `liveavatar.pcm.Converter` makes 24 kHz PCM of other formats."""
    stream = avatar.utterance()
    await stream.send((await mouth.synthesize(text, Voice())).pcm)
    await stream.seal()
    return stream.utterance


if __name__ == "__main__":
    asyncio.run(main())
