"""`python -m voice.speaking.espeak.child`: espeak-ng behind a generic pipe protocol (docs/decisions/0002).

First line out: `{"status": "ready", "sample_rate": 22050}`, or `{"status": "missing", "reason": ...}` and exit code 3.
In, one JSON object per line: `{"id": 1, "text": ..., "voice": "en-us+f3", "rate": 165, "pitch": 50}`.
Out, in that order: `{"id": 1, "pcm_bytes": n, "words": [[index, ms], ...], "phonemes": [[ipa, ms], ...]}`
followed by n bytes of 16-bit little-endian mono PCM; or `{"id": 1, "error": ...}`.
The end of the input ends the process.
"""

import json
import signal
import sys
from typing import Any, BinaryIO

from voice.speaking.espeak.library import Espeak, LibraryMissing, UnknownVoice

EXIT_MISSING = 3


def main() -> int:
    # Ctrl-C reaches the whole terminal group; the parent decides when this process ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        espeak = Espeak()
    except LibraryMissing as missing:
        _send(answers, {"status": "missing", "reason": str(missing)})
        return EXIT_MISSING
    _send(answers, {"status": "ready", "sample_rate": espeak.sample_rate})
    for line in requests:
        _send(answers, *_answer(espeak, json.loads(line)))
    return 0


def _answer(espeak: Espeak, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        pcm, words, phonemes = espeak.speak(
            request["text"], request["voice"], request["rate"], request["pitch"]
        )
    except UnknownVoice as unknown:
        return {"id": request["id"], "error": f"no voice named {unknown}"}, b""
    return {"id": request["id"], "pcm_bytes": len(pcm), "words": words, "phonemes": phonemes}, pcm


def _send(pipe: BinaryIO, message: dict[str, Any], payload: bytes = b"") -> None:
    pipe.write(json.dumps(message).encode() + b"\n" + payload)
    pipe.flush()


if __name__ == "__main__":
    sys.exit(main())
