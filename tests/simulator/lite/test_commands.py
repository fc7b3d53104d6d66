"""Parsing of frames of the media websocket."""

import base64
import json

import pytest

from simulator.avatar.lite_commands import InvalidCommand, LiteCommand, parse_frame

AUDIO = base64.b64encode(b"\1\2\3\4").decode()


@pytest.mark.parametrize(
    ("message", "command"),
    [
        (
            {"type": "agent.speak", "audio": AUDIO, "event_id": "a"},
            LiteCommand("agent.speak", "a", b"\1\2\3\4"),
        ),
        ({"type": "agent.speak", "audio": AUDIO}, LiteCommand("agent.speak", None, b"\1\2\3\4")),
        ({"type": "agent.speak", "audio": ""}, LiteCommand("agent.speak")),
        ({"type": "agent.speak", "audio": "AQI="}, LiteCommand("agent.speak", None, b"\1\2")),
        ({"type": "agent.speak_end"}, LiteCommand("agent.speak_end")),
        ({"type": "agent.speak_end", "audio": None}, LiteCommand("agent.speak_end")),
        ({"type": "agent.speak_end", "audio": AUDIO}, LiteCommand("agent.speak_end", None, b"\1\2\3\4")),
        ({"type": "agent.interrupt", "event_id": None}, LiteCommand("agent.interrupt")),
        ({"type": "agent.interrupt", "event_id": "8213"}, LiteCommand("agent.interrupt", "8213")),
        ({"type": "agent.start_listening", "event_id": 7}, LiteCommand("agent.start_listening", 7)),
        (
            {"type": "agent.stop_listening", "event_id": "f" * 32},
            LiteCommand("agent.stop_listening", "f" * 32),
        ),
        ({"type": "session.keep_alive", "event_id": ""}, LiteCommand("session.keep_alive")),
        ({"type": "session.keep_alive", "event_id": ["x"]}, LiteCommand("session.keep_alive")),
        ({"type": "session.keep_alive", "event_id": True}, LiteCommand("session.keep_alive")),
        ({"type": "session.keep_alive", "event_id": 10**300}, LiteCommand("session.keep_alive")),
        ({"type": "session.keep_alive", "event_id": "x" * 1000}, LiteCommand("session.keep_alive")),
        # livekit-starter and an early example send these beside the documented commands.
        (
            {"type": "start", "encoding": "pcm_s16le", "sample_rate": 24000, "channels": 1},
            LiteCommand("start"),
        ),
        ({"type": "agent.speak_started"}, LiteCommand("agent.speak_started")),
        ({"type": "agent.dance", "audio": 5}, LiteCommand("agent.dance")),
        ({"type": "x" * 100_000}, LiteCommand("x" * 64)),
    ],
)
def test_every_command_of_every_known_client_is_parsed(message: object, command: LiteCommand) -> None:
    assert parse_frame(json.dumps(message)) == command


@pytest.mark.parametrize(
    ("frame", "why", "event_id"),
    [
        ("", "not JSON", None),
        ("agent.speak", "not JSON", None),
        ("[" * 100_000, "not JSON", None),
        ('{"type": ' + "9" * 5000 + "}", "not JSON", None),
        ("null", "not a JSON object", None),
        ("[]", "not a JSON object", None),
        ('"agent.speak"', "not a JSON object", None),
        ("{}", "'type' is missing", None),
        ('{"type": null, "event_id": "a"}', "'type' is missing", "a"),
        ('{"type": 5}', "'type' is missing", None),
        ('{"type": ""}', "'type' is missing", None),
        ('{"type": "agent.speak", "event_id": "a"}', "'audio' is missing", "a"),
        ('{"type": "agent.speak", "audio": null}', "'audio' is missing", None),
        ('{"type": "agent.speak", "audio": [1, 2]}', "'audio' is missing", None),
        ('{"type": "agent.speak_end", "audio": 5}', "'audio' is missing", None),
        ('{"type": "agent.speak", "audio": "???", "event_id": 3}', "not base64", 3),
        ('{"type": "agent.speak", "audio": "AQI"}', "not base64", None),
        ('{"type": "agent.speak", "audio": "data:audio/pcm;base64,AQI="}', "not base64", None),
        ('{"type": "agent.speak", "audio": "\u00e9\u00e9\u00e9\u00e9"}', "not base64", None),
    ],
)
def test_anything_else_is_refused_with_a_reason(frame: str, why: str, event_id: object) -> None:
    with pytest.raises(InvalidCommand, match=why) as caught:
        parse_frame(frame)

    assert caught.value.event_id == event_id


def test_sound_is_not_in_the_representation() -> None:
    assert "1234" not in repr(LiteCommand("agent.speak", None, b"1234"))
