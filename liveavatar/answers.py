"""From an HTTP response to the `data` inside its envelope, or to the right error.

The envelope is `{"code": int, "data": ..., "message": str}`. Error bodies come in two dialects: FastAPI's, as
documented, `{"detail": [{"loc": [...], "msg": ...}]}`, and the envelope with code 4000, as observed, whose
`data` lists objects with a `message`. Both are read.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from liveavatar.errors import (
    AuthRejected,
    ConcurrencyReached,
    Garbled,
    NoCredits,
    NotFound,
    RateLimited,
    Rejected,
    ServerFault,
    ValidationRejected,
)

MAX_BODY = 256 * 1024  # bytes
SUCCESS = (1000, 100)  # the first is what the service sends, the second what its OpenAPI document says

MOST_MESSAGES = 10
LONGEST_MESSAGE = 300  # characters

BY_CODE = {4000: ValidationRejected, 4003: AuthRejected, 4032: ConcurrencyReached, 4033: NoCredits}
BY_STATUS = {400: ValidationRejected, 401: AuthRejected, 404: NotFound, 422: ValidationRejected}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read, or left unread for the reason in `unread`."""

    status: int
    body: bytes = field(default=b"", repr=False)  # may carry tokens
    retry_after: str | None = None
    unread: str = ""


async def receive(response: httpx.Response) -> Answer:
    """Read a streamed response, but never more than MAX_BODY bytes of it.

    A compressed body is not even begun: we ask for none, and one chunk of it could unfold a thousandfold.
    """
    retry_after = response.headers.get("retry-after")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        return Answer(response.status_code, b"", retry_after, "it is compressed, and we asked for plain")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            return Answer(response.status_code, b"", retry_after, f"it is larger than {MAX_BODY} bytes")
    return Answer(response.status_code, bytes(body), retry_after)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the body of an answer holds, or in `trouble` why it holds nothing."""

    code: int | None = None
    data: object = field(default=None, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    trouble: str = ""


def data_of(answer: Answer, call: str, strike_out: Callable[[str], str]) -> object:
    """The `data` of a success; raises Rejected or Garbled for anything else.

    `strike_out` removes the secrets of the call from words that go into an error.
    """
    if 300 <= answer.status < 400:
        raise Garbled(call, f"a redirect (HTTP {answer.status}), check the base URL and its https")
    if answer.status == 204:
        return None
    envelope = _open(answer)
    if not 200 <= answer.status < 300:
        raise _refusal(answer, envelope, call, strike_out)
    if envelope.trouble:
        raise Garbled(call, f"HTTP {answer.status}, but the body cannot be used: {envelope.trouble}")
    if envelope.code not in SUCCESS:
        raise _refusal(answer, envelope, call, strike_out)
    return envelope.data


def _open(answer: Answer) -> Envelope:
    if answer.unread:
        return Envelope(trouble=answer.unread)
    try:
        document = json.loads(answer.body, parse_constant=_refuse_constant)
    except RecursionError:
        return Envelope(trouble="it is nested too deeply")
    except ValueError:  # not JSON, not UTF-8, or a number of thousands of digits
        return Envelope(trouble="it is not JSON")
    if not isinstance(document, dict):
        return Envelope(trouble="it is not an object with a code")
    code = document.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return Envelope(words=_words(document), trouble="it is not an object with a code")
    return Envelope(code, document.get("data"), _words(document))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refusal(answer: Answer, envelope: Envelope, call: str, strike_out: Callable[[str], str]) -> Rejected:
    messages = tuple(_readable(strike_out(text)) for text in envelope.words[:MOST_MESSAGES])
    if answer.status == 429:
        wait = seconds_until(answer.retry_after)
        return RateLimited(call, answer.status, envelope.code, messages, retry_after=wait)
    if answer.status >= 500:
        return ServerFault(call, answer.status, envelope.code, messages)
    kind = BY_CODE.get(envelope.code or 0) or BY_STATUS.get(answer.status, Rejected)
    return kind(call, answer.status, envelope.code, messages)


def _words(document: dict[str, object]) -> tuple[str, ...]:
    """The service's words in the most precise place that holds any."""
    for place in ("detail", "data", "error", "message"):
        value = document.get(place)
        if place == "data" and isinstance(value, str):
            continue  # payload, not words
        if found := tuple(_sentences(value)):
            return found
    return ()


def _sentences(value: object) -> Iterator[str]:
    """A text, an object with `message` or `msg` (and where it applies, `loc`), or a list of those."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, list):
                yield from _sentences(item)
    elif isinstance(value, dict):
        text = value.get("message") or value.get("msg")
        location = value.get("loc")
        if isinstance(text, str) and text.strip():
            steps = location if isinstance(location, list) else []
            path = ".".join(str(step) for step in steps if isinstance(step, str | int))
            yield f"{path}: {text}" if path else text


def _readable(text: str) -> str:
    """One printable line of bounded length: such words end up in log files."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + "…"


def seconds_until(retry_after: str | None) -> float | None:
    """Seconds from now that a Retry-After header asks for, in its form of seconds or of an HTTP date."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            when = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
