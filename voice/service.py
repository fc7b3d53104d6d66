"""One OpenAI-compatible service: its client, and what became of a call in words that are safe to log.

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

REST = 30.0  # seconds without calls after one that took all our patience: the next sentence must not wait as long


class ServiceFailed(Exception):
    """A service gave no usable answer. The message holds neither key nor texts, so it can be logged."""


class ServiceRests(ServiceFailed):
    """It was not even asked. That it failed before was said in the log."""


class Service:
    """`name` is the prefix of its settings: "STT", "LLM" or "TTS"."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self._name = name
        self._endpoint = endpoint
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self._rests_until = 0.0

    @property
    def model(self) -> str:
        return self._endpoint.model

    async def open(self) -> None:
        """Load the library and make the client. Raises `ServiceFailed`."""
        await self._opened()

    @asynccontextmanager
    async def call(self) -> AsyncIterator["AsyncOpenAI"]:
        """The client for one call, which may take as long as the endpoint's patience.

        Raises `ServiceFailed` in place of whatever went wrong inside.
        """
        if time.monotonic() < self._rests_until:
            raise ServiceRests("it did not answer in time a moment ago")
        client = await self._opened()
        import httpx2
        import openai

        why = ""
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                yield client
        except TimeoutError:
            self._rests_until = time.monotonic() + REST
            why = f"no answer in {self._endpoint.timeout:g} s, so it is left alone for {REST:g} s"
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            why = _reason(error)
        if why:
            raise ServiceFailed(why)

    def warn(self, failure: ServiceFailed, instead: str) -> None:
        """One line in the log: which service, what happened, what happens `instead`."""
        level = logging.DEBUG if isinstance(failure, ServiceRests) else logging.WARNING
        logger.log(level, "the %s service failed: %s; %s", self._name, failure, instead)

    async def close(self) -> None:
        """Close the client's connections. It opens again when called."""
        async with self._opening:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    async def _opened(self) -> "AsyncOpenAI":
        async with self._opening:
            if self._client is None:
                # Half a second of importing, then the CA bundle: not on the loop that paints the avatar.
                self._client = await asyncio.to_thread(_client, self._endpoint)
            return self._client


def preload() -> None:
    """Import what the first call would: half a second of a processor. Nothing without the openai package."""
    with suppress(ImportError):
        client = importlib.import_module("openai").AsyncOpenAI(api_key="none", base_url="http://127.0.0.1")
        for part in ("chat.completions", "audio.speech", "audio.transcriptions"):
            attrgetter(part)(client)  # which imports it


def _client(endpoint: Endpoint) -> "AsyncOpenAI":
    try:
        openai = importlib.import_module("openai")
    except ImportError:
        raise ServiceFailed("the openai package is not installed here (pip install openai)") from None
    # One line a request with its URL, and people put keys into URLs.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        client: AsyncOpenAI = openai.AsyncOpenAI(
            base_url=endpoint.url,
            # An empty key would make an illegal header, and None would send OPENAI_API_KEY to whoever this is.
            api_key=endpoint.api_key or "none",
            default_headers={"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()},
            timeout=None,  # `Service.call` has the patience, for the whole call and not for each read
            # A retry follows Retry-After for up to two minutes. A person is waiting, and offline can answer at once.
            max_retries=0,
        )
    except ValueError:
        raise ServiceFailed("its URL or key cannot be used in a request") from None
    return client


def _reason(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return f"it answered with status {status}"
    if isinstance(error, ValueError):  # of JSON, UTF-8 or headers
        return f"its answer cannot be read ({type(error).__name__})"
    return f"the connection failed or broke off ({type(error).__name__})"
