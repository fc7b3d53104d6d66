"""Voice activity detection: WebRTC's detector, with rules for where an utterance begins and ends."""

from collections import deque
from dataclasses import dataclass
from math import ceil

import numpy as np

from voice.hearing.recognizer import SAMPLE_RATE, HearingUnavailable

FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE * 2 * FRAME_MS // 1000
AGGRESSIVENESS = 3  # of 0 to 3; 3 lets the least noise through

# Frames. An utterance begins when so many of the window are voiced: a click or cough under 140 ms begins none.
ONSET_WINDOW, ONSET_VOICED = 9, 7
GUARDED_WINDOW, GUARDED_VOICED = 14, 12
PRE_ROLL = 300 // FRAME_MS  # frames before the window in which an utterance begins
LONGEST_UTTERANCE = 60_000 // FRAME_MS  # frames; a fan that passes for a voice must not talk for ever

# Loudness is the RMS of 16-bit samples. An idle microphone hisses at 5 to 30, a voice is at 300 to 5000.
QUIET = 60.0
# What a browser's echo cancellation leaves of the avatar's voice is some 20 dB below a person at the microphone.
GUARDED_QUIET, GUARDED_LEAST, GUARDED_MOST = 600.0, 300.0, 2000.0
GUARDED_SHARE = 0.4  # of this person's usual loudness
GUARDED_DECAY = 0.85  # per frame: soft consonants count as loud as the vowel before them
ADAPTATION = 0.05  # how far one voiced frame moves this person's usual loudness


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An utterance began. `pcm` begins about 300 ms before its first sound."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechContinued:
    """More sound of the utterance, pauses included."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The utterance ended with a hangover of silence. Its sound was handed over before."""


SpeechEvent = SpeechStarted | SpeechContinued | SpeechEnded


class SpeechDetector:
    """Cuts the sound of one microphone into utterances.

    Its clock is the sound, so results do not depend on when `feed` is called. Costs 1 ms of CPU per second of sound.
    """

    def __init__(self, *, hangover: float = 0.45) -> None:
        """`hangover`: seconds of silence that end an utterance. Raises `HearingUnavailable`."""
        try:
            import webrtcvad
        except ImportError as error:
            raise HearingUnavailable(
                "speech cannot be heard: webrtcvad is not installed here (pip install webrtcvad-wheels). "
                "Typed text works without it."
            ) from error
        self._vad = webrtcvad.Vad(AGGRESSIVENESS)  # type: ignore[no-untyped-call]
        self._hangover = max(1, ceil(hangover * 1000 / FRAME_MS))
        self._usual_loudness: float | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far. An utterance that is under way ends without `SpeechEnded`."""
        self._partial_frame = b""
        self._recent: deque[bytes] = deque(maxlen=PRE_ROLL + GUARDED_WINDOW)
        self._voiced: deque[bool] = deque(maxlen=GUARDED_WINDOW)
        self._speaking = False
        self._silence = self._length = 0
        self._level = 0.0

    def feed(self, pcm: bytes | memoryview, *, guarded: bool = False) -> list[SpeechEvent]:
        """Take 16 kHz 16-bit mono sound of any length; an incomplete frame waits for the next call.

        `guarded`: the avatar can be heard now. Only a voice that is clearly louder than its echo begins an utterance.
        """
        sound = self._partial_frame + bytes(pcm)
        whole = len(sound) - len(sound) % FRAME_BYTES
        self._partial_frame = sound[whole:]
        events: list[SpeechEvent] = []
        continued = bytearray()
        for start in range(0, whole, FRAME_BYTES):
            frame = sound[start : start + FRAME_BYTES]
            voiced = self._is_voiced(frame, guarded)
            if not self._speaking:
                if started := self._start(frame, voiced, guarded):
                    events.append(started)
                continue
            continued += frame
            if self._ends(voiced):
                events += [SpeechContinued(bytes(continued)), SpeechEnded()]
                continued.clear()
        return [*events, SpeechContinued(bytes(continued))] if continued else events

    def _start(self, frame: bytes, voiced: bool, guarded: bool) -> SpeechStarted | None:
        self._recent.append(frame)
        self._voiced.append(voiced)
        window, needed = (GUARDED_WINDOW, GUARDED_VOICED) if guarded else (ONSET_WINDOW, ONSET_VOICED)
        if sum(list(self._voiced)[-window:]) < needed:
            return None
        pcm = b"".join(list(self._recent)[-(PRE_ROLL + window) :])
        self._recent.clear()
        self._voiced.clear()
        self._speaking, self._silence, self._length = True, 0, 0
        return SpeechStarted(pcm)

    def _ends(self, voiced: bool) -> bool:
        # One voiced frame alone is a click: only two in a row continue the utterance.
        self._voiced.append(voiced)
        self._silence = 0 if list(self._voiced)[-2:] == [True, True] else self._silence + 1
        self._length += 1
        if self._silence < self._hangover and self._length < LONGEST_UTTERANCE:
            return False
        self._speaking = False
        self._voiced.clear()
        return True

    def _is_voiced(self, frame: bytes, guarded: bool) -> bool:
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32)
        loudness = float(np.sqrt(np.mean(samples * samples)))
        # The detector adapts to the noise it gets, so it gets every frame.
        speech = self._vad.is_speech(frame, SAMPLE_RATE)  # type: ignore[no-untyped-call]
        voiced = bool(speech) and loudness >= QUIET
        self._level = max(loudness, GUARDED_DECAY * self._level)
        if guarded:
            return voiced and self._level >= self._guard()
        if voiced:
            usual = self._usual_loudness or loudness
            self._usual_loudness = loudness + (1 - ADAPTATION) * (usual - loudness)
        return voiced

    def _guard(self) -> float:
        """Return the loudness that tells this person from the avatar's echo."""
        if self._usual_loudness is None:
            return GUARDED_QUIET
        return min(max(GUARDED_SHARE * self._usual_loudness, GUARDED_LEAST), GUARDED_MOST)
