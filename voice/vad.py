"""When somebody speaks: WebRTC's voice activity detector, with rules for where a turn begins and ends."""

from collections import deque
from dataclasses import dataclass
from math import ceil

import numpy as np

from voice.stt import SpeechInMissing

SAMPLE_RATE = 16_000  # Hz
FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE * 2 * FRAME_MS // 1000
AGGRESSIVENESS = 3  # of 0 to 3; 3 lets the least noise through

WINDOW, VOICED = 9, 7  # frames: a click or a cough of less than 140 ms begins no turn
GUARDED_WINDOW, GUARDED_VOICED = 14, 12
PRE_ROLL = 300 // FRAME_MS  # frames before the window in which a turn begins
LONGEST = 60_000 // FRAME_MS  # frames; a fan that passes for a voice must not talk for ever

# Loudness is the RMS of 16-bit samples. An idle microphone hisses at 5 to 30, a voice is at 300 to 5000.
QUIET = 60.0
# What a browser's echo cancellation leaves of the avatar's voice is some 20 dB below a person at the microphone.
GUARDED_QUIET, GUARDED_LEAST, GUARDED_MOST = 600.0, 300.0, 2000.0
GUARDED_SHARE = 0.4  # of the loudness this person was heard with
GUARDED_DECAY = 0.85  # a frame: soft consonants count as loud as the vowel before them
ADAPTION = 0.05  # how far one voiced frame moves the loudness a person is known for


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak. `pcm` begins about 300 ms before the first sound."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechContinued:
    """More of what began, pauses included."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Silence for as long as the hangover. All sound of the turn was handed over before."""


class SpeechDetector:
    """Cuts the sound of one microphone into turns. Pure: time is counted in sound. 1 ms of CPU a second."""

    def __init__(self, *, hangover: float = 0.45) -> None:
        """`hangover`: seconds of silence that end a turn. Raises `SpeechInMissing`."""
        try:
            import webrtcvad
        except ImportError as error:
            raise SpeechInMissing(
                "speech cannot be heard: webrtcvad is not installed here (pip install webrtcvad-wheels). "
                "Typed text works without it."
            ) from error
        self._vad = webrtcvad.Vad(AGGRESSIVENESS)  # type: ignore[no-untyped-call]
        self._hangover = max(1, ceil(hangover * 1000 / FRAME_MS))
        self._loudness: float | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far, also a turn that is under way: it ends without `SpeechEnded`."""
        self._rest = b""
        self._recent: deque[bytes] = deque(maxlen=PRE_ROLL + GUARDED_WINDOW)
        self._voiced: deque[bool] = deque(maxlen=GUARDED_WINDOW)
        self._speaking = False
        self._silence = self._length = 0
        self._level = 0.0

    def feed(
        self, pcm: bytes | memoryview, *, guarded: bool = False
    ) -> list[SpeechStarted | SpeechContinued | SpeechEnded]:
        """Take 16 kHz 16-bit mono sound of any length; what is left of a frame waits for the next call.

        `guarded`: the avatar can be heard now. Only a voice that is clearly louder than its echo begins a turn.
        """
        sound = self._rest + bytes(pcm)
        whole = len(sound) - len(sound) % FRAME_BYTES
        self._rest = sound[whole:]
        news: list[SpeechStarted | SpeechContinued | SpeechEnded] = []
        taken = bytearray()
        for start in range(0, whole, FRAME_BYTES):
            frame = sound[start : start + FRAME_BYTES]
            voiced = self._is_voiced(frame, guarded)
            if not self._speaking:
                if started := self._begin(frame, voiced, guarded):
                    news.append(started)
                continue
            taken += frame
            if self._ends(voiced):
                news += [SpeechContinued(bytes(taken)), SpeechEnded()]
                taken.clear()
        return [*news, SpeechContinued(bytes(taken))] if taken else news

    def _begin(self, frame: bytes, voiced: bool, guarded: bool) -> SpeechStarted | None:
        self._recent.append(frame)
        self._voiced.append(voiced)
        window, needed = (GUARDED_WINDOW, GUARDED_VOICED) if guarded else (WINDOW, VOICED)
        if sum(list(self._voiced)[-window:]) < needed:
            return None
        pcm = b"".join(list(self._recent)[-(PRE_ROLL + window) :])
        self._recent.clear()
        self._voiced.clear()
        self._speaking, self._silence, self._length = True, 0, 0
        return SpeechStarted(pcm)

    def _ends(self, voiced: bool) -> bool:
        # One voiced frame alone is a click: only two in a row go on with the turn.
        self._voiced.append(voiced)
        self._silence = 0 if list(self._voiced)[-2:] == [True, True] else self._silence + 1
        self._length += 1
        if self._silence < self._hangover and self._length < LONGEST:
            return False
        self._speaking = False
        self._voiced.clear()
        return True

    def _is_voiced(self, frame: bytes, guarded: bool) -> bool:
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32)
        loudness = float(np.sqrt(np.mean(samples * samples)))
        # The detector adapts to the noise it is shown, so it is shown every frame.
        speech = self._vad.is_speech(frame, SAMPLE_RATE)  # type: ignore[no-untyped-call]
        voiced = bool(speech) and loudness >= QUIET
        self._level = max(loudness, GUARDED_DECAY * self._level)
        if not guarded:
            if voiced:
                self._loudness = loudness + (1 - ADAPTION) * ((self._loudness or loudness) - loudness)
            return voiced
        return voiced and self._level >= self._guard()

    def _guard(self) -> float:
        if self._loudness is None:
            return GUARDED_QUIET
        return min(max(GUARDED_SHARE * self._loudness, GUARDED_LEAST), GUARDED_MOST)
