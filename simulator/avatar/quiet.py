"""Switches the log capture of the native LiveKit library off.

livekit 1.1.21 always initialises the library with log capture. Every trace line of libwebrtc and of the Rust SDK
becomes a protobuf message, a call into Python and a lock, and Python drops most of them. There is no public switch,
so this replaces the initialisation of exactly that version. Measured with one idle 640 x 360 avatar and one viewer:
10.3 instead of 11.5 percent of a core, and no lines of the SDK on stderr.
"""

import ctypes
import os
from typing import Any

PATCHED_VERSION = "1.1.21"


def calm_native_libraries() -> bool:
    """Switch it off; call before livekit.rtc is used. Return False and do nothing for other versions of livekit."""
    # numpy's BLAS would start one thread per core for one small matrix product per sentence.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("RUST_LOG", "off")
    from livekit.rtc import __version__, _ffi_client

    if __version__ != PATCHED_VERSION:
        return False
    load = _ffi_client.get_ffi_lib

    def load_without_log_capture() -> ctypes.CDLL:
        library = load()
        native = library.livekit_ffi_initialize
        native.argtypes = [_ffi_client.ffi_cb_fnc, ctypes.c_bool, ctypes.c_char_p, ctypes.c_char_p]

        def initialize(callback: Any, _capture_logs: bool, sdk: bytes, version: bytes) -> None:
            native(callback, False, sdk, version)

        setattr(library, "livekit_ffi_initialize", initialize)  # noqa: B010 - unknown to the type of a CDLL
        return library

    _ffi_client.get_ffi_lib = load_without_log_capture
    return True
