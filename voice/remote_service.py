"""One OpenAI-compatible service: its client, and its failures in words that are safe to log.

Errors of the library hold the request, and the request holds the key and what the user said. None of them leaves
this module: they become `ServiceFailed`, raised without their cause.
"""

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from voice.settings import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

COOL_DOWN = 30.0  # seconds without calls after a timeout: the next sentence must not wait as long again


class ServiceFailed(Exception):
    """A service gave no usable answer. The message holds neither key nor texts, so it can be logged."""


class ServiceCoolingDown(ServiceFailed):
    """The service was not called: it timed out a moment ago, and the log has that already."""


class RemoteService:
    """`name` is the prefix of its settings: "STT", "LLM" or "TTS"."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self._name = name
        self._endpoint = endpoint
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self._cool_until = 0.0  # in monotonic time

    @property
    def model(self) -> str:
        return self._endpoint.model

    async def open(self) -> None:
        """Load the library and make the client. Raises `ServiceFailed`."""
        await self._open_client()

    @asynccontextmanager
    async def call(self) -> AsyncIterator["AsyncOpenAI"]:
        """Yield the client for one call, which may take as long as the endpoint's timeout.

        Turns every failure of the call into `ServiceFailed`.
        """
        if time.monotonic() < self._cool_until:
            raise ServiceCoolingDown("it timed out a moment ago")
        client = await self._open_client()
        import httpx2
        import openai

        why = ""
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                yield client
        except TimeoutError:
            self._cool_until = time.monotonic() + COOL_DOWN
            why = f"no answer in {self._endpoint.timeout:g} s, so it gets no calls for {COOL_DOWN:g} s"
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            why = _describe(error)
        # Raised outside of the `except`, so that no `__context__` leads to the request.
        if why:
            raise ServiceFailed(why)

    def warn(self, failure: ServiceFailed, consequence: str) -> None:
        """Log which service failed, why, and what happens now. Only the first timeout in a row is a warning."""
        level = logging.DEBUG if isinstance(failure, ServiceCoolingDown) else logging.WARNING
        logger.log(level, "the %s service failed: %s; %s", self._name, failure, consequence)

    async def close(self) -> None:
        """Close the client's connections. The next call opens a new client."""
        async with self._opening:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    async def _open_client(self) -> "AsyncOpenAI":
        async with self._opening:
            if self._client is None:
                # Half a second of imports, then the CA bundle: in a thread, as the avatar is painted by this loop.
                self._client = await asyncio.to_thread(_build_client, self._endpoint)
            return self._client


def preload() -> None:
    """Import what the first call needs: half a second of CPU. Does nothing without the openai package."""
    with suppress(ImportError):
        client = importlib.import_module("openai").AsyncOpenAI(api_key="none", base_url="http://127.0.0.1")
        for part in ("chat.completions", "audio.speech", "audio.transcriptions"):
            attrgetter(part)(client)  # the library imports a part when it is first read


def _build_client(endpoint: Endpoint) -> "AsyncOpenAI":
    try:
        openai = importlib.import_module("openai")
    except ImportError:
        raise ServiceFailed("the openai package is not installed here (pip install openai)") from None
    # httpx2 logs the URL of every request, and people put keys into URLs.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        client: AsyncOpenAI = openai.AsyncOpenAI(
            base_url=endpoint.url,
            # An empty key makes an illegal header; None sends OPENAI_API_KEY to a service that may not be OpenAI's.
            api_key=endpoint.api_key or "none",
            default_headers={"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()},
            timeout=None,  # `call` has one timeout for the whole call; the library's is per read
            # The library waits up to two minutes for a Retry-After. A person is waiting, and the fallback is ready.
            max_retries=0,
        )
    except ValueError:
        raise ServiceFailed("its URL or key cannot be used in a request") from None
    return client


def _describe(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return f"it answered with status {status}"
    if isinstance(error, ValueError):  # of JSON, UTF-8 or headers
        return f"its answer cannot be read ({type(error).__name__})"
    return f"the connection failed or broke off ({type(error).__name__})"
