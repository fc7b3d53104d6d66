"""LiveAvatar's REST API, call by call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from liveavatar.catalog import Avatar, Context, ContextName, Language, Link, Voice, context_body
from liveavatar.credentials import ApiKey, Bearer, Credential
from liveavatar.errors import NotFound
from liveavatar.exchange import Call, Exchange, Retry
from liveavatar.fields import Fields
from liveavatar.records import SessionSummary, Transcript
from liveavatar.wire import CustomSession, EndReason, FullSession, SessionToken, StartedSession

Item = TypeVar("Item")

PAGE_SIZE = 50  # 100 is the most the service gives; half of it stays far below the size limit of an answer
MOST_ITEMS = 1000


class LiveAvatar:
    """The account behind one API key. Make one per process and event loop, and close it.

    Every method raises LiveAvatarError (see `liveavatar.errors`) when it fails. Deadlines are in seconds and
    cover everything: the wait for one of `max_in_flight` slots, the attempts, the pause between them.

    Token creation and reading are repeated once after a broken connection, a 5xx or a 429 that names a short
    wait; stop and keep-alive after a broken connection only; start and context creation never, because the
    first attempt may have taken effect. After a failed start, stop the session: its id is in the token.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str = "https://api.liveavatar.com",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        token_deadline: float = 10.0,
        start_deadline: float = 35.0,
        deadline: float = 10.0,
        connect_timeout: float = 3.0,
        max_in_flight: int = 16,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._key = ApiKey(api_key)
        self._token_deadline = token_deadline
        self._start_deadline = start_deadline
        self._deadline = deadline
        self._exchange = Exchange(
            base_url,
            transport=transport,
            connect_timeout=connect_timeout,
            max_in_flight=max_in_flight,
            sleep=sleep,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Calls still in flight fail."""
        await self._exchange.aclose()

    def __repr__(self) -> str:
        return f"LiveAvatar(base_url={self._exchange.base_url!r})"

    async def create_session_token(self, request: FullSession | CustomSession) -> SessionToken:
        """Create a session. Nothing runs and nothing is billed before it is started."""
        call = Call(
            "POST",
            "/v1/sessions/token",
            self._token_deadline,
            Retry.IF_TRANSIENT,
            self._key,
            body=request.body(),
        )
        return SessionToken.read(await self._fields(call))

    async def start_session(self, token: SessionToken) -> StartedSession:
        """Start it: the room exists and billing begins. Sent exactly once, takes 3 to 30 s."""
        bearer = Bearer(token.session_token)
        call = Call("POST", "/v1/sessions/start", self._start_deadline, Retry.NEVER, bearer, body={})
        return StartedSession.read(await self._fields(call))

    async def stop_session(self, *, session_id: str, reason: EndReason = EndReason.USER_CLOSED) -> bool:
        """True when this stopped it, False when it was gone already (or never was)."""
        return await self._stop(self._key, session_id, reason)

    async def stop_with_token(
        self, token: SessionToken, *, reason: EndReason = EndReason.USER_CLOSED
    ) -> bool:
        """The same by the session's own token, which may have expired: then AuthRejected."""
        return await self._stop(Bearer(token.session_token), token.session_id, reason)

    async def _stop(self, credential: Credential, session_id: str, reason: EndReason) -> bool:
        body = {"session_id": session_id, "reason": reason.value}
        try:
            await self._post_again_if_broken("/v1/sessions/stop", credential, body)
        except NotFound:
            return False
        return True

    async def keep_alive(self, session_id: str) -> None:
        """Reset the session's idle timer (five minutes by the documents, 194 s as measured)."""
        await self._post_again_if_broken("/v1/sessions/keep-alive", self._key, {"session_id": session_id})

    def active_sessions(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[SessionSummary]:
        """Sessions that run now, or were created and not ended yet."""
        return self._pages("/v1/sessions", SessionSummary.read, at_most, type="active")

    def historic_sessions(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[SessionSummary]:
        """Sessions that are over."""
        return self._pages("/v1/sessions", SessionSummary.read, at_most, type="historic")

    async def session(self, session_id: str) -> SessionSummary:
        return SessionSummary.read(await self._fields(self._get(f"/v1/sessions/{_segment(session_id)}")))

    async def transcript(
        self, session_id: str, *, start: int | None = None, end: int | None = None
    ) -> Transcript:
        """What was said between two of the service's timestamps, from the beginning by default."""
        limits = {"start_timestamp": start, "end_timestamp": end}
        params: dict[str, str | int] = {name: limit for name, limit in limits.items() if limit is not None}
        call = self._get(f"/v1/sessions/{_segment(session_id)}/transcript", params)
        return Transcript.read(await self._fields(call))

    async def delete_events(self, session_id: str) -> None:
        """Have the service forget what was said in a session, for good."""
        path = f"/v1/sessions/{_segment(session_id)}/events"
        await self._exchange.data(Call("DELETE", path, self._deadline, Retry.IF_CONNECTION_BROKE, self._key))

    def avatars(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Avatar]:
        """The account's own avatars."""
        return self._pages("/v1/avatars", Avatar.read, at_most)

    def public_avatars(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Avatar]:
        """The avatars everybody may use."""
        return self._pages("/v1/avatars/public", Avatar.read, at_most)

    async def avatar(self, avatar_id: str) -> Avatar:
        return Avatar.read(await self._fields(self._get(f"/v1/avatars/{_segment(avatar_id)}")))

    def voices(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Voice]:
        return self._pages("/v1/voices", Voice.read, at_most)

    async def voice(self, voice_id: str) -> Voice:
        return Voice.read(await self._fields(self._get(f"/v1/voices/{_segment(voice_id)}")))

    def contexts(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[ContextName]:
        return self._pages("/v1/contexts", ContextName.read, at_most)

    async def context(self, context_id: str) -> Context:
        return Context.read(await self._fields(self._get(f"/v1/contexts/{_segment(context_id)}")))

    async def create_context(
        self, *, name: str, prompt: str, opening_text: str | None = None, links: Iterable[Link] = ()
    ) -> Context:
        body = context_body(name=name, prompt=prompt, opening_text=opening_text, links=links)
        call = Call("POST", "/v1/contexts", self._deadline, Retry.NEVER, self._key, body=body)
        return Context.read(await self._fields(call))

    async def languages(self) -> list[Language]:
        """The languages a session can be held in."""
        call = self._get("/v1/languages")
        listed = Fields({"languages": await self._exchange.data(call)}, call.name)
        return [Language.read(fields) for fields in listed.objects("languages")]

    async def credits(self) -> Decimal:
        """Credits left. A FULL session takes two a minute."""
        fields = await self._fields(self._get("/v1/users/credits"))
        return fields.decimal("credits_left")

    async def _pages(
        self, path: str, read: Callable[[Fields], Item], at_most: int, **filters: str
    ) -> AsyncIterator[Item]:
        """Items page by page. `next` is only looked at, never followed: it is a URL chosen by the answer."""
        for page in range(1, -(-at_most // PAGE_SIZE) + 1):
            call = self._get(path, {**filters, "page": page, "page_size": min(PAGE_SIZE, at_most)})
            answer = await self._fields(call)
            items = [read(fields) for fields in answer.objects("results")]
            for item in items[: at_most - (page - 1) * PAGE_SIZE]:
                yield item
            if not items or answer.text_or_none("next") is None:
                return

    async def _fields(self, call: Call) -> Fields:
        return Fields(await self._exchange.data(call), call.name)

    def _get(self, path: str, params: dict[str, str | int] | None = None) -> Call:
        return Call("GET", path, self._deadline, Retry.IF_TRANSIENT, self._key, params=params)

    async def _post_again_if_broken(
        self, path: str, credential: Credential, body: dict[str, object] | dict[str, str]
    ) -> None:
        await self._exchange.data(
            Call("POST", path, self._deadline, Retry.IF_CONNECTION_BROKE, credential, body=body)
        )


def _segment(identifier: str) -> str:
    """An id as one segment of a path, whatever is in it; ValueError for what no id can be."""
    if identifier in ("", ".", ".."):
        raise ValueError("an id of LiveAvatar is a UUID, this one is empty or dots")
    return quote(identifier, safe="")
