"""Calls over one pool of connections: bounded in number, time and size, and repeated only where that is safe."""

import asyncio
import ipaddress
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from liveavatar.credentials import Credential
from liveavatar.errors import LiveAvatarError, RateLimited, ServerFault, TimedOut, Unreachable
from liveavatar.payload import Payload
from liveavatar.responses import Response, payload_of, receive

logger = logging.getLogger(__name__)

# httpx logs every URL, and so every session id, at INFO. A level that an operator has set for it stays.
if logging.getLogger("httpx").level == logging.NOTSET:
    logging.getLogger("httpx").setLevel(logging.WARNING)

LONGEST_RETRY_AFTER = 2.0  # seconds; the vendor counts calls in windows of one second


class Retry(Enum):
    """Which failures allow a second attempt. There is never a third."""

    NEVER = "never"
    IF_CONNECTION_BROKE = "if connection broke"
    IF_TRANSIENT = "if transient"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `deadline`, in seconds, covers the wait for a slot, both attempts and the pause between them."""

    method: str
    path: str
    deadline: float
    retry: Retry
    credential: Credential | None = None
    body: Mapping[str, object] | None = None
    params: Mapping[str, str | int] | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Exchange:
    """The one httpx client of a process and event loop."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None,
        connect_timeout: float,
        max_in_flight: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = checked_base_url(base_url)
        # Callers queue here: with more than some thirty waiters httpx's own pool costs more CPU than the calls.
        self._slots = asyncio.Semaphore(max_in_flight)
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            transport=transport,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            cookies=CookieJar(
                DefaultCookiePolicy(allowed_domains=[])
            ),  # none: the credential is the only identity
            timeout=httpx.Timeout(None, connect=connect_timeout),  # the deadline of the call bounds the rest
            limits=httpx.Limits(max_connections=max_in_flight, max_keepalive_connections=max_in_flight),
            follow_redirects=False,
            trust_env=not _is_loopback(self.base_url),  # proxies are for other machines
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call) -> Payload:
        """Send it and return the payload of the answer. Raises LiveAvatarError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(call.deadline) as clock:
                return await self._send_with_retry(call, clock)
        raise TimedOut(call.name, call.deadline)

    async def _send_with_retry(self, call: Call, clock: asyncio.Timeout) -> Payload:
        try:
            return await self._send_once(call)
        except LiveAvatarError as failure:
            pause = pause_before_retry(failure, call.retry)
            ends = clock.when()
            if pause is None or (ends is not None and asyncio.get_running_loop().time() + pause >= ends):
                raise
            logger.warning("%s; trying once more in %.2f s", failure, pause)
        await self._sleep(pause)
        return await self._send_once(call)

    async def _send_once(self, call: Call) -> Payload:
        response = await self._receive(call)
        redact = call.credential.redact if call.credential else str
        return payload_of(response, call.name, redact)

    async def _receive(self, call: Call) -> Response:
        request = self._http.stream(
            call.method, call.path, json=call.body, params=call.params, auth=call.credential
        )
        try:
            async with self._slots, request as response:
                return await receive(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why, broke = f"cannot connect to {self.base_url}: {error}", False
        except httpx.TransportError as error:
            why, broke = f"the connection to {self.base_url} broke ({type(error).__name__})", True
        # Raised out here, so that httpx's error, which holds the request with the key, is not kept as __context__.
        raise Unreachable(call.name, why, broke=broke)


def pause_before_retry(failure: LiveAvatarError, retry: Retry) -> float | None:
    """Return the seconds to wait before the second attempt, or None when there must be none."""
    jitter = random.uniform(0.1, 0.3)
    if retry is Retry.NEVER:
        return None
    if isinstance(failure, Unreachable):
        return jitter
    if retry is Retry.IF_CONNECTION_BROKE:
        return None
    if isinstance(failure, RateLimited) and failure.retry_after is not None:
        return failure.retry_after + jitter if failure.retry_after <= LONGEST_RETRY_AFTER else None
    return jitter if isinstance(failure, ServerFault) else None


def checked_base_url(text: str) -> str:
    """Return the URL without a closing slash. Raises ValueError when it is none, or has a user, query or fragment."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("the base URL of LiveAvatar is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("the base URL of LiveAvatar must be like https://host, without user or query")
    return str(url).rstrip("/")


def _is_loopback(base_url: str) -> bool:
    host = httpx.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
