"""ctypes bindings of libespeak-ng. Only `voice.speaking.espeak.child` imports this (docs/decisions/0002).

The library keeps global state and is not thread-safe: one `Espeak` per process.
"""

import ctypes
import ctypes.util
import importlib.util
import os
import shutil
import tempfile
import weakref
from pathlib import Path

AUDIO_OUTPUT_SYNCHRONOUS = 2
BUFFER_MS = 60
PHONEME_EVENTS, PHONEME_IPA, DO_NOT_EXIT = 1 << 0, 1 << 1, 1 << 15
POSITION_CHARACTER, CHARS_UTF8 = 1, 1
RATE, PITCH = 1, 3
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7

# Initialize() reads the data path into a buffer of about 160 bytes and, when it is longer, silently falls
# back to a path of the machine that built the library.
LONGEST_DATA_PATH = 150


class LibraryMissing(Exception):
    """No usable libespeak-ng on this machine."""


class UnknownVoice(Exception):
    """The library has no voice of that name."""


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """One loaded library. `sample_rate` is in Hz (22050 for every bundled voice)."""

    def __init__(self) -> None:
        self._library, self._data = _load()
        self.sample_rate: int = self._library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, self._data.path, PHONEME_EVENTS | PHONEME_IPA | DO_NOT_EXIT
        )
        if self.sample_rate <= 0:
            raise LibraryMissing("libespeak-ng was found but could not read its voice data")
        self._pcm = bytearray()
        self._words: list[tuple[int, int]] = []
        self._phonemes: list[tuple[str, int]] = []
        # The library keeps only the address: this attribute keeps the thunk alive.
        self._callback = _SynthCallback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, voice: str, rate: int, pitch: int
    ) -> tuple[bytes, list[tuple[int, int]], list[tuple[str, int]]]:
        """Synthesize `text` with `voice`, at `rate` words a minute and `pitch` from 0 to 99.

        Returns 16-bit mono PCM, words as (character index, start ms) and phonemes as (IPA, start ms); an empty IPA
        is a pause. Raises `UnknownVoice`.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise UnknownVoice(voice)
        self._library.espeak_SetParameter(RATE, rate, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        self._pcm, self._words, self._phonemes = bytearray(), [], []
        encoded = text.replace("\0", " ").encode(errors="replace") + b"\0"

        self._library.espeak_Synth(encoded, len(encoded), 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        return bytes(self._pcm), self._words, self._phonemes

    def _collect(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        index = 0
        while (event := events[index]).type != EVENT_END:
            if event.type == EVENT_WORD:
                self._words.append((event.text_position - 1, event.audio_position))
            elif event.type == EVENT_PHONEME:
                self._phonemes.append((event.id.string.decode(errors="replace"), event.audio_position))
            index += 1
        return 0


class VoiceData:
    """The directory of the voices; `path` is None where the library knows it itself.

    A symbolic link, which lives as long as this object, stands for a path that is too long for the library.
    """

    def __init__(self, directory: Path | None) -> None:
        if directory is not None and len(os.fsencode(directory)) > LONGEST_DATA_PATH:
            short = tempfile.mkdtemp(prefix="espeak-")
            weakref.finalize(self, shutil.rmtree, short, ignore_errors=True)
            link = Path(short) / "espeak-ng-data"
            link.symlink_to(directory, target_is_directory=True)
            directory = link
        self.path = None if directory is None else os.fsencode(directory)


def _load() -> tuple[ctypes.CDLL, VoiceData]:
    if importlib.util.find_spec("espeakng_loader") is not None:
        import espeakng_loader

        try:
            library = ctypes.CDLL(espeakng_loader.get_library_path())  # type: ignore[no-untyped-call]
        except OSError:
            pass  # built for another C library (musl): the system's espeak-ng may still work
        else:
            data = espeakng_loader.get_data_path()  # type: ignore[no-untyped-call]
            return _declare_types(library), VoiceData(Path(data))
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise LibraryMissing("neither the espeakng-loader package nor a system libespeak-ng was found")
    return _declare_types(ctypes.CDLL(name)), VoiceData(None)


def _declare_types(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the calls with pointers: ctypes cuts undeclared pointers to an int."""
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library
