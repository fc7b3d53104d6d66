"""Twirp, the RPC over HTTP of LiveKit's server APIs: https://twitchtv.github.io/twirp/docs/spec_v7.html"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.api.access_token import VideoGrants

from simulator.room.grants import Gate, Refused, granted

STATUS = {  # HTTP status by Twirp error code
    "bad_route": 404,
    "failed_precondition": 412,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "unauthenticated": 401,
}


class TwirpError(Exception):
    """An error that is answered as Twirp's JSON error. `code` is a key of `STATUS`."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why

    def response(self) -> web.Response:
        return web.json_response({"code": self.code, "msg": self.why}, status=STATUS[self.code])


@dataclass(frozen=True, slots=True)
class Method:
    """One call: its request message, the grant it needs and its implementation."""

    request: type[Message]
    grant: Callable[[VideoGrants, Any], bool]
    act: Callable[[Any], Message]


def answering(
    gate: Gate, methods: Mapping[str, Method]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler of `POST /twirp/<service>/{method}` that answers in the format of the request."""

    async def answer(http: web.Request) -> web.StreamResponse:
        try:
            return reply(gate, methods, http, await http.read())
        except TwirpError as error:
            return error.response()

    return answer


def may_administer(grants: VideoGrants, request: Any) -> bool:
    """Return whether the token has roomAdmin for the room that the request names."""
    return bool(grants.room_admin) and grants.room == request.room


def reply(gate: Gate, methods: Mapping[str, Method], http: web.Request, body: bytes) -> web.Response:
    method = methods.get(http.match_info["method"])
    if method is None:
        raise TwirpError("bad_route", f"no such method: {http.match_info['method']}")
    as_json = http.content_type == "application/json"
    request = read(method.request, body, as_json)
    try:
        grants = granted(gate.claims(http))
    except Refused as refused:
        raise TwirpError("unauthenticated", refused.why) from refused
    if not method.grant(grants, request):
        raise TwirpError("unauthenticated", "permissions denied")  # 401 in livekit-server, not 403
    return write(method.act(request), as_json)


def read(kind: type[Message], body: bytes, as_json: bool) -> Message:
    """Parse the message of a call. Raises `TwirpError`."""
    try:
        return (
            json_format.Parse(body or b"{}", kind(), ignore_unknown_fields=True)
            if as_json
            else kind.FromString(body)
        )
    except (json_format.ParseError, DecodeError, UnicodeDecodeError) as error:
        raise TwirpError("malformed", f"cannot read the request: {error}") from error


def write(message: Message, as_json: bool) -> web.Response:
    if not as_json:
        return web.Response(body=message.SerializeToString(), content_type="application/protobuf")
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return web.Response(text=text, content_type="application/json")
