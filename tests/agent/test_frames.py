"""The frames of the site, as the agent reads them."""

import pytest

from agent.site.frames import Ack, Welcome, parse_frame

WELCOME = """{"type": "welcome", "ack": 3, "renew_every": 2.0, "avatar_name": "Wayne", "language": "en",
    "context": {"prompt": "We open at nine.", "opening_text": "Hello.", "faqs": []},
    "history": [{"role": "user", "text": "Hello?"}], "start": null, "a newer member": 1}"""


def test_a_frame_with_members_of_a_newer_site_is_read() -> None:
    welcome = parse_frame(WELCOME)

    assert isinstance(welcome, Welcome)
    assert (welcome.ack, welcome.history[0].text, welcome.start) == (3, "Hello?", None)


def test_a_frame_of_a_newer_type_is_ignored() -> None:
    assert parse_frame('{"type": "weather", "ack": 4}') is None
    assert parse_frame('{"type": "ack", "ack": 4}') == Ack(type="ack", ack=4)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": "ack"}', '{"type": "start", "start": null}'])
def test_a_malformed_frame_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        parse_frame(text)
