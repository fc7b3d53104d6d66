"""Events of the media websocket as the vendor sends them today, and silence of a given length."""

from typing import Any

from liveavatar.pcm import BYTES_PER_SECOND


def seconds(length: float) -> bytes:
    return bytes(round(length * BYTES_PER_SECOND) // 2 * 2)


def newest(kind: str, utterance_id: str, task: str) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": f"fresh-{kind}",
        "source_event_id": utterance_id,
        "task": {"id": task},
    }
