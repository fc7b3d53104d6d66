"""A recording that Chromium takes for its microphone."""

import wave
from pathlib import Path

import numpy as np

from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE


async def record(path: Path, *said: tuple[float, str]) -> str:
    """A quiet room with a sentence at each moment (seconds) of it. Returns Chromium's argument for it.

    Chromium plays it once, from the moment a page opens the microphone.
    """
    speaker = EspeakSpeaker()
    try:
        spoken = [(at, (await speaker.synthesize(text, Voice("en-us+m3", 160, 50))).pcm) for at, text in said]
    finally:
        await speaker.close()
    pieces = [(int(at * SAMPLE_RATE), np.frombuffer(pcm, "<i2").astype(float) * 0.6) for at, pcm in spoken]
    length = max((start + len(piece) for start, piece in pieces), default=0) + SAMPLE_RATE
    sound = np.random.default_rng(5).normal(0, 8, length)
    for start, piece in pieces:
        sound[start:][: len(piece)] += piece
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())
    return f"--use-file-for-fake-audio-capture={path}%noloop"
