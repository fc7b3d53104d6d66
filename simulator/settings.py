"""The simulator's settings, all read from the environment in this module."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class InvalidSetting(ValueError):
    """A setting cannot be used. The text names the variable or option and says what it must hold."""


@dataclass(frozen=True, slots=True)
class LiveKit:
    """An external LiveKit server that replaces the embedded one. `url` is ws:// or wss://."""

    url: str
    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All durations are seconds. Fractions are allowed; tests use them to shorten sessions."""

    host: str = "127.0.0.1"
    port: int = 8700
    room_key: str = field(default_factory=lambda: f"sim{secrets.token_hex(6)}")
    room_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    livekit: LiveKit | None = None
    api_key: str | None = field(default=None, repr=False)
    idle_timeout: float = 300
    max_duration: float = 3600
    sandbox_duration: float = 60
    start_timeout: float = 20
    stop_grace: float = 3
    billing_minute: float = 60
    concurrency: int = 0
    media_buffer: float = 600
    strict_modes: bool = False
    credits: Decimal | None = None
    rate_limit: int = 200
    data: str = ""
    secret_key: str | None = field(default=None, repr=False)
    log_level: str = "INFO"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the `SIMULATOR_*` variables. An empty variable counts as absent.

    Raises InvalidSetting for the first variable with an invalid value.
    """
    standard = Settings()

    def read(name: str, parse: Callable[[str], T], default: T, expected: str) -> T:
        text = environ.get(f"SIMULATOR_{name}", "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except (ValueError, InvalidOperation):
            raise InvalidSetting(f"SIMULATOR_{name} must be {expected}") from None

    return Settings(
        port=read("PORT", port, standard.port, "a port number from 0 to 65535 (0 picks a free one)"),
        room_key=read("ROOM_KEY", str, standard.room_key, "a text"),
        room_secret=read("ROOM_SECRET", _secret, standard.room_secret, "at least 32 characters long"),
        livekit=_livekit(
            # The server that hosts all rooms. Default: the embedded one, with the key and secret above.
            read("LIVEKIT_URL", _room_url, "", "the address of a LiveKit server, ws://... or wss://..."),
            read("LIVEKIT_API_KEY", str, "", "a text"),
            read("LIVEKIT_API_SECRET", str, "", "a text"),
        ),
        api_key=read("API_KEY", str, None, "a text"),
        idle_timeout=read("IDLE_TIMEOUT", _seconds, standard.idle_timeout, "a number of seconds above 0"),
        max_duration=read("MAX_DURATION", _seconds, standard.max_duration, "a number of seconds above 0"),
        sandbox_duration=read(
            "SANDBOX_DURATION", _seconds, standard.sandbox_duration, "a number of seconds above 0"
        ),
        concurrency=read("CONCURRENCY", _count, 0, "a number of sessions, 0 for no limit"),
        # Seconds of audio that a LITE session queues when the client sends faster than the avatar speaks.
        media_buffer=read("MEDIA_BUFFER", _seconds, standard.media_buffer, "a number of seconds above 0"),
        # 1: refuse CUSTOM, the old name of mode LITE.
        strict_modes=read("STRICT_MODES", _flag, False, "0 or 1"),
        # The account's credits at the start. Default: the balance of the data file, 1000 for a new account.
        credits=read("CREDITS", _credits, None, "a number of credits, 0 or more"),
        # Requests per second from one caller to one endpoint.
        rate_limit=read(
            "RATE_LIMIT", _count, standard.rate_limit, "a number of requests a second, 0 for no limit"
        ),
        # The SQLite file that keeps the account between runs. Default: memory only.
        data=read("DATA", _file, "", "the path of a file, or :memory: to keep nothing"),
        # Key that encrypts secrets in that file. Default: a random one in a .key file beside it.
        secret_key=read("SECRET_KEY", _secret, None, "at least 32 characters long"),
        log_level=read("LOG_LEVEL", _log_level, standard.log_level, f"one of {', '.join(LOG_LEVELS)}"),
    )


def port(text: str) -> int:
    """Parse a TCP port; 0 means any free port. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(f"{number} is not a port number from 0 to 65535")
    return number


def _livekit(url: str, key: str, secret: str) -> LiveKit | None:
    given = {"URL": url, "API_KEY": key, "API_SECRET": secret}
    missing = [f"SIMULATOR_LIVEKIT_{name}" for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise InvalidSetting(
            f"{' and '.join(missing)} must be set as well: a LiveKit server needs its address, key and secret"
        )
    return LiveKit(url, key, secret)


def _room_url(text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    return parts._replace(scheme=parts.scheme.replace("http", "ws"), query="", fragment="").geturl()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _credits(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0:
        raise ValueError(text)
    return amount


def _file(text: str) -> str:
    return "" if text == ":memory:" else text


def _secret(text: str) -> str:
    # Shorter keys are weak for HS256, and PyJWT warns at every token.
    if len(text) < 32:
        raise ValueError("too short")
    return text


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in LOG_LEVELS:
        raise ValueError(text)
    return level
