"""Recognises sound in another format than the media websocket's, before it makes the avatar garbled or silent.

The vendor reports nothing when the format is wrong (LiveAvatar docs, lite mode, debugging). The bytes alone show most
faults. They do not show the rate of a stream that arrives faster than it is heard.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from liveavatar.pcm import BYTES_PER_SECOND, RATE

JUDGED = 0.4  # seconds of sound that a judgement needs
LEAST = 0.1  # seconds that a stream which ends before needs
SILENT_FOR = 3.0  # seconds
QUIET, FULL_SCALE = 8, 32_700  # sample values
CLIPPED_SHARE = 0.01  # of the samples of a loud piece
PACED_FOR, PACES = 1.0, 3  # seconds of arrivals that give a rate, and how many rates in a row must agree
LONGEST_GAP = 0.25  # seconds between two pieces of a live source
RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # Hz
RATE_TOLERANCE = 0.03

_CONTAINERS = {b"RIFF": "a WAV file", b"ID3": "an MP3 file", b"OggS": "an Ogg file", b"fLaC": "a FLAC file"}


class Fault(Enum):
    """The value says what to do about it."""

    CONTAINER = "send the samples alone, decoded to 24 kHz mono signed 16-bit PCM"
    FLOAT = "convert the 32-bit floats to signed 16-bit integers"
    STEREO = "mix the two channels into one"
    ODD_LENGTH = "keep the two bytes of a sample together"
    RATE = "resample it to 24 000 Hz"
    SILENT = "check the microphone or the speech service it comes from"
    CLIPPED = "lower its volume"


# Faults that would be heard as noise.
UNPLAYABLE = frozenset({Fault.CONTAINER, Fault.FLOAT})
_OTHER_FORMATS = {Fault.CONTAINER, Fault.FLOAT, Fault.STEREO}  # their samples are not read as sound


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in words for the engineer of the pipeline."""

    fault: Fault
    words: str

    def __str__(self) -> str:
        return f"{self.words}: {self.fault.value}"


class PcmCheck:
    """Checks one stream as it is sent. Every fault is reported once."""

    def __init__(self) -> None:
        self._reported: set[Fault] = set()
        self._head = bytearray()
        self._judged = False
        self._quiet_bytes = 0
        self._arrived = 0
        self._pace = _Pace()

    def look(self, pcm: bytes, at: float) -> list[Finding]:
        """Return the new findings in the next piece, which arrived at `at` seconds of any clock."""
        found = [self._container(pcm), self._odd(pcm), self._pace.rate(len(pcm), at)]
        self._arrived += len(pcm)
        if not self._judged:
            self._head += pcm
            if len(self._head) >= JUDGED * BYTES_PER_SECOND:
                found += self._judge(found)
        misread = self._reported | {finding.fault for finding in found if finding}
        if self._judged and len(pcm) > 1 and not misread & _OTHER_FORMATS:
            found += [self._silent(_samples(pcm)), self._clipped(_samples(pcm))]
        return self._new(found)

    def conclude(self) -> list[Finding]:
        """Return the findings in a stream that ended before it was judged."""
        if self._judged or len(self._head) < LEAST * BYTES_PER_SECOND:
            return []  # the bytes of a container may resemble anything
        return self._new(self._judge([]))

    def _judge(self, found: list[Finding | None]) -> list[Finding | None]:
        self._judged = True
        if Fault.CONTAINER in self._reported.union(finding.fault for finding in found if finding):
            return []  # the bytes of a container may resemble anything
        return [self._float(bytes(self._head)), self._stereo(_samples(self._head))]

    def _new(self, found: list[Finding | None]) -> list[Finding]:
        new = [finding for finding in found if finding and finding.fault not in self._reported]
        self._reported.update(finding.fault for finding in new)
        return new

    def _container(self, pcm: bytes) -> Finding | None:
        if self._arrived:
            return None
        for magic, name in _CONTAINERS.items():
            if pcm.startswith(magic):
                return Finding(Fault.CONTAINER, f"this is {name}, not PCM")
        # A frame of MPEG audio without a tag: eleven set bits, then a valid layer and a valid rate.
        if (
            len(pcm) > 3
            and pcm[0] == 0xFF
            and pcm[1] in (0xFB, 0xF3, 0xF2, 0xFA)
            and pcm[2] >> 4 not in (0, 15)
        ):
            return Finding(Fault.CONTAINER, "this is an MP3 stream, not PCM")
        return None

    def _odd(self, pcm: bytes) -> Finding | None:
        if len(pcm) % 2 == 0:
            return None
        return Finding(Fault.ODD_LENGTH, f"a piece of {len(pcm)} bytes ends in the middle of a sample")

    def _float(self, pcm: bytes) -> Finding | None:
        floats = np.frombuffer(pcm[: len(pcm) // 4 * 4], "<f4")
        with np.errstate(invalid="ignore"):
            size = np.abs(floats)
            plausible = np.mean((size <= 1.0) & ((size == 0) | (size > 1e-7)))
            loud = np.mean((size > 1e-3) & (size <= 1.0))
        # The exponents of integer PCM read as floats are scattered; only real floats stay within 1 and are audible.
        if plausible > 0.999 and loud > 0.3:
            return Finding(Fault.FLOAT, "these are 32-bit floats, not 16-bit integers")
        return None

    def _stereo(self, samples: NDArray[np.int16]) -> Finding | None:
        """In interleaved stereo a sample is closer to the other channel's sample than to the next one in time."""
        pairs = samples[: samples.size // 2 * 2].reshape(-1, 2).astype(np.float64)
        within = np.mean((pairs[:, 0] - pairs[:, 1]) ** 2)
        across = np.mean((pairs[1:, 0] - pairs[:-1, 1]) ** 2)
        if across > 4 * within and across > QUIET**2:
            return Finding(Fault.STEREO, "its samples belong to two channels in turn")
        return None

    def _silent(self, samples: NDArray[np.int16]) -> Finding | None:
        quiet = int(np.abs(samples.astype(np.int32)).max()) <= QUIET
        self._quiet_bytes = self._quiet_bytes + samples.nbytes if quiet else 0
        if self._quiet_bytes < SILENT_FOR * BYTES_PER_SECOND:
            return None
        return Finding(Fault.SILENT, f"{SILENT_FOR:g} s of it are silent")

    def _clipped(self, samples: NDArray[np.int16]) -> Finding | None:
        share = float(np.mean(np.abs(samples.astype(np.int32)) >= FULL_SCALE))
        if samples.size < RATE // 50 or share < CLIPPED_SHARE:
            return None
        return Finding(Fault.CLIPPED, f"{share:.0%} of its samples are at full scale")


class _Pace:
    """Measures the rate of a live source: its sound takes as long to arrive as to hear.

    Sound that is made faster or in bursts gives no rate: it never arrives at one pace for long.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._last = 0.0
        self._has_gap = False
        self._bytes = 0
        self._paces: deque[int] = deque(maxlen=PACES)  # the known rates, in Hz, of the last seconds; 0: none

    def rate(self, arrived: int, at: float) -> Finding | None:
        """Return a finding as soon as the last seconds agree on a wrong rate."""
        if self._since is None:
            self._since = self._last = at
            return None
        self._bytes += arrived
        self._has_gap |= at - self._last > LONGEST_GAP
        self._last = at
        elapsed = at - self._since
        if elapsed < PACED_FOR:
            return None
        rate = self._bytes / 2 / elapsed
        near = min(RATES, key=lambda known: abs(known - rate))
        fits = abs(near - rate) <= RATE_TOLERANCE * near and not self._has_gap
        self._paces.append(near if fits else 0)
        self._since, self._bytes, self._has_gap = at, 0, False
        agree = len(self._paces) == PACES and set(self._paces) == {near}
        if not agree or near == RATE:
            return None
        return Finding(Fault.RATE, f"{rate:.0f} samples a second arrive, as of {near} Hz")


def _samples(pcm: bytes | bytearray) -> NDArray[np.int16]:
    return np.frombuffer(bytes(pcm[: len(pcm) // 2 * 2]), "<i2")
