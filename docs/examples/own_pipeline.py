"""Speak through an avatar with a pipeline of your own, without livekit-agents and without the site.

    python -m docs.examples.own_pipeline < lines.txt

It starts a CUSTOM session in a room of the service, says every line of the standard input, and stops the session.
A line that begins with "!" interrupts the avatar first. The first line of output is a URL at which to watch.

Replace `read_lines` by your answers and `say` by your text to speech. Without LIVEAVATAR_API_KEY it uses the simulator.
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
    """Run one session of at most a minute. A sandbox session of the real service is free of charge."""
    async with LiveAvatar(API_KEY or "simulated", API_URL) as liveavatar:
        avatar = await anext(liveavatar.public_avatars())
        token = await liveavatar.create_session_token(
            CustomSession(avatar_id=avatar.avatar_id, is_sandbox=True, max_session_duration=60)
        )
        try:
            await say_lines(await liveavatar.start_session(token))
        finally:
            await liveavatar.stop_session(session_id=token.session_id)


async def say_lines(session: StartedSession) -> None:
    """Say every line, and print the outcome of each: played, cut or lost."""
    room_access = urlencode({"liveKitUrl": session.livekit_url, "token": session.livekit_client_token})
    print(f"{VIEWER}?{room_access}", flush=True)  # noqa: T201
    speaker = EspeakSpeaker()
    utterances: list[Utterance] = []
    try:
        async with MediaSocket(session.ws_url or "") as avatar:
            async for line in read_lines():
                if line.startswith("!"):
                    await avatar.interrupt()
                utterances.append(await say(line.lstrip("!"), speaker, avatar))
            for utterance in utterances:
                print((await utterance.done).value)  # noqa: T201
    finally:
        await speaker.close()


async def read_lines() -> AsyncIterator[str]:
    """Yield the texts for the avatar: here the lines of the standard input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line.strip()


async def say(text: str, speaker: EspeakSpeaker, avatar: MediaSocket) -> Utterance:
    """Synthesize `text` and send it. `liveavatar.pcm.Converter` makes 24 kHz PCM of other formats."""
    stream = avatar.utterance()
    await stream.send((await speaker.synthesize(text, Voice())).pcm)
    await stream.seal()
    return stream.utterance


if __name__ == "__main__":
    asyncio.run(main())
