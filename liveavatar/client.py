"""LiveAvatar's REST API, call by call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from liveavatar.answer_model import AnswerModel
from liveavatar.credentials import ApiKey, Bearer
from liveavatar.errors import NotFound
from liveavatar.exchange import Call, Exchange, Retry
from liveavatar.payload import Model
from liveavatar.resources import Avatar, Context, ContextName, Credits, Language, LanguageList, Page, Voice
from liveavatar.session_answers import (
    SessionSummary,
    SessionToken,
    StartedInHostedRoom,
    StartedInOwnRoom,
    StartedSession,
    Transcript,
)
from liveavatar.session_requests import CustomSession, EndReason, FullSession

Item = TypeVar("Item", bound=AnswerModel)

PAGE_SIZE = 50  # the vendor gives up to 100; half of that stays far below the size limit of an answer
MOST_ITEMS = 1000


class LiveAvatar:
    """The account behind one API key. Make one per process and event loop, and close it.

    Every method raises LiveAvatarError (see `liveavatar.errors`) when it fails. Deadlines are in seconds and
    cover everything: the wait for one of `max_in_flight` slots, both attempts, the pause between them.

    Token creation and reading are repeated once after a broken connection, a 5xx or a 429 that names a short
    wait; stop, keep-alive and the deletion of events after a broken connection only; the start never, because
    the first attempt may have taken effect. After a failed start, stop the session: its id is in the token.
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
        token = (await self._exchange.send(call)).read(SessionToken)
        in_own_room = isinstance(request, CustomSession) and request.own_room is not None
        return token.model_copy(update={"in_own_room": in_own_room})

    async def start_session(self, token: SessionToken) -> StartedSession:
        """Start the session: its room exists and billing begins. Sent exactly once; takes 3 to 30 s.

        Raises Garbled when the answer holds no way into the session. The session may run all the same.
        """
        bearer = Bearer(token.session_token)
        call = Call("POST", "/v1/sessions/start", self._start_deadline, Retry.NEVER, bearer, body={})
        payload = await self._exchange.send(call)
        return payload.read(StartedInOwnRoom if token.in_own_room else StartedInHostedRoom)

    async def stop_session(self, *, session_id: str, reason: EndReason = EndReason.USER_CLOSED) -> bool:
        """Stop a session. Return True when this stopped it, False when it was gone or never existed."""
        try:
            await self._post("/v1/sessions/stop", {"session_id": session_id, "reason": reason.value})
        except NotFound:
            return False
        return True

    async def keep_alive(self, session_id: str) -> None:
        """Reset the session's idle timer (five minutes by the documents, 194 s as measured)."""
        await self._post("/v1/sessions/keep-alive", {"session_id": session_id})

    def active_sessions(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[SessionSummary]:
        """List the sessions that run, or were created and have not ended."""
        return self._pages("/v1/sessions", Page[SessionSummary], at_most, type="active")

    async def session(self, session_id: str) -> SessionSummary:
        """Return what the vendor keeps of a session, running or over."""
        return await self._read(f"/v1/sessions/{_segment(session_id)}", SessionSummary)

    async def transcript(
        self, session_id: str, *, start: int | None = None, end: int | None = None
    ) -> Transcript:
        """Return the lines between two of the vendor's timestamps, by default all of them."""
        limits = {"start_timestamp": start, "end_timestamp": end}
        params: dict[str, str | int] = {name: limit for name, limit in limits.items() if limit is not None}
        return await self._read(f"/v1/sessions/{_segment(session_id)}/transcript", Transcript, params)

    async def delete_events(self, session_id: str) -> None:
        """Have the vendor delete the stored events of a session, its transcript included, for good."""
        path = f"/v1/sessions/{_segment(session_id)}/events"
        await self._exchange.send(Call("DELETE", path, self._deadline, Retry.IF_CONNECTION_BROKE, self._key))

    def avatars(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Avatar]:
        """List the account's own avatars."""
        return self._pages("/v1/avatars", Page[Avatar], at_most)

    def public_avatars(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Avatar]:
        """List the avatars that every account may use."""
        return self._pages("/v1/avatars/public", Page[Avatar], at_most)

    def voices(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[Voice]:
        """List the voices, the account's own and the public ones."""
        return self._pages("/v1/voices", Page[Voice], at_most)

    def contexts(self, *, at_most: int = MOST_ITEMS) -> AsyncIterator[ContextName]:
        """List the account's contexts by name."""
        return self._pages("/v1/contexts", Page[ContextName], at_most)

    async def context(self, context_id: str) -> Context:
        """Return a context with its texts."""
        return await self._read(f"/v1/contexts/{_segment(context_id)}", Context)

    async def languages(self) -> list[Language]:
        """Return the languages a session can be held in."""
        return list((await self._read("/v1/languages", LanguageList)).root)

    async def credits(self) -> Decimal:
        """Return the credits left. A FULL session takes two a minute."""
        return (await self._read("/v1/users/credits", Credits)).credits_left

    async def _pages(
        self, path: str, model: type[Page[Item]], at_most: int, **filters: str
    ) -> AsyncIterator[Item]:
        """Yield entries page by page. `next` says that there is more, and is never followed: the answer chose it."""
        for page in range(1, -(-at_most // PAGE_SIZE) + 1):
            params: dict[str, str | int] = {**filters, "page": page, "page_size": min(PAGE_SIZE, at_most)}
            found = await self._read(path, model, params)
            for item in found.results[: at_most - (page - 1) * PAGE_SIZE]:
                yield item
            if not found.next:
                return

    async def _read(self, path: str, model: type[Model], params: dict[str, str | int] | None = None) -> Model:
        call = Call("GET", path, self._deadline, Retry.IF_TRANSIENT, self._key, params=params)
        return (await self._exchange.send(call)).read(model)

    async def _post(self, path: str, body: dict[str, str]) -> None:
        call = Call("POST", path, self._deadline, Retry.IF_CONNECTION_BROKE, self._key, body=body)
        await self._exchange.send(call)


def _segment(identifier: str) -> str:
    """Return an id as one segment of a path, whatever it holds. Raises ValueError when it cannot be an id."""
    if identifier in ("", ".", ".."):
        raise ValueError("an id of LiveAvatar is a UUID, this one is empty or dots")
    return quote(identifier, safe="")
