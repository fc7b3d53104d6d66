"""From an HTTP response to the payload inside its envelope, or to the right error.

The envelope is `{"code": int, "data": ..., "message": str}`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
from pydantic import Field, StrictInt

from liveavatar.answer_model import AnswerModel, OrDefault
from liveavatar.errors import Garbled
from liveavatar.payload import Payload
from liveavatar.refusals import refusal, vendor_messages

MAX_BODY = 256 * 1024  # bytes
SUCCESS = (1000, 100)  # the vendor sends the first; the second is what its OpenAPI document says


@dataclass(frozen=True, slots=True)
class Response:
    """A response that was read, or left unread for the reason in `unread`."""

    status: int
    body: bytes = field(default=b"", repr=False)  # may carry tokens
    retry_after: str | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON object in a body; `flaw` says why there is none."""

    members: dict[str, Any] = field(default_factory=dict, repr=False)
    flaw: str = ""


class Envelope(AnswerModel):
    """The members that all answers have."""

    code: Annotated[StrictInt | None, OrDefault()] = None
    data: Any = Field(default=None, repr=False)


async def receive(response: httpx.Response) -> Response:
    """Read a streamed response, but never more than MAX_BODY bytes of it.

    A compressed body is left unread: we ask for none, and one chunk of it could unfold a thousandfold.
    """
    retry_after = response.headers.get("retry-after")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        return Response(response.status_code, b"", retry_after, "it is compressed, and we asked for plain")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            return Response(response.status_code, b"", retry_after, f"it is larger than {MAX_BODY} bytes")
    return Response(response.status_code, bytes(body), retry_after)


def payload_of(response: Response, call: str, redact: Callable[[str], str]) -> Payload:
    """Return the payload of a success. Raises Rejected or Garbled for anything else.

    `redact` removes the secrets of the call from the vendor's words in an error.
    """
    if 300 <= response.status < 400:
        raise Garbled(call, f"a redirect (HTTP {response.status}), check the base URL and its https")
    if response.status == 204:
        return Payload(call, None)
    document = _parse(response)
    code = Envelope.model_validate(document.members).code
    if 200 <= response.status < 300:
        flaw = document.flaw or ("it is not an object with a code" if code is None else "")
        if flaw:
            raise Garbled(call, f"HTTP {response.status}, but the body cannot be used: {flaw}")
        if code in SUCCESS:
            return Payload(call, document.members.get("data"))
    messages = vendor_messages(document.members, redact)
    raise refusal(call, response.status, code, messages, response.retry_after)


def _parse(response: Response) -> Document:
    if response.unread:
        return Document(flaw=response.unread)
    try:
        # Not pydantic's own parser: it gives up a whole answer for half a surrogate pair in a name.
        members = json.loads(response.body, parse_constant=_refuse_constant)
    except RecursionError:
        return Document(flaw="it is nested too deeply")
    except ValueError:  # not JSON, not UTF-8, or a number of thousands of digits
        return Document(flaw="it is not JSON")
    return (
        Document(members) if isinstance(members, dict) else Document(flaw="it is not an object with a code")
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
