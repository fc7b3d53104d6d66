"""The settings of an operator, as one typed model. An invalid value stops the start with the variable's name."""

import os
import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _http_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it must be an http:// or https:// address")
    return url.rstrip("/")


def _livekit_address(url: str) -> str:
    """Accept ws(s) and http(s), as LiveKit's own clients do, and return ws(s)."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname:
        raise ValueError("it must be the address of a LiveKit server, ws://... or wss://...")
    return parts._replace(scheme=parts.scheme.replace("http", "ws")).geturl().rstrip("/")


def _database_address(url: str) -> str:
    if urlsplit(url).scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ValueError("it must begin with sqlite:/// or postgresql://")
    return url


List = Annotated[list[str], NoDecode, BeforeValidator(_comma_separated)]
HttpAddress = Annotated[str, AfterValidator(_http_address)]
LiveKitAddress = Annotated[str, AfterValidator(_livekit_address)]


class Environment(BaseSettings):
    """The variables the site reads. An empty one counts as unset; None means that the default depends on others."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", str_strip_whitespace=True, hide_input_in_errors=True
    )

    VAR_DIR: Path | None = None
    DEBUG: bool = False
    SECRET_KEY: str = Field(default="", repr=False)
    ALLOWED_HOSTS: List | None = None
    CSRF_TRUSTED_ORIGINS: List = []
    HTTPS: bool | None = None
    HSTS_SECONDS: int | None = Field(default=None, ge=0)
    BEHIND_TLS_PROXY: bool = False
    TIME_ZONE: str = "UTC"
    LOG_LEVEL: str = "INFO"

    LIVEAVATAR_API_KEY: str = Field(default="", repr=False)
    LIVEAVATAR_API_URL: HttpAddress | None = None
    LIVEAVATAR_SANDBOX: bool = False
    LIVEAVATAR_MAX_DURATION: int = Field(default=600, ge=30)
    LIVEAVATAR_CUSTOM_MODE_NAME: str = "LITE"
    ROOM_ORIGINS: List = []

    LIVEKIT_URL: LiveKitAddress | None = None
    LIVEKIT_API_KEY: str = Field(default="", repr=False)
    LIVEKIT_API_SECRET: str = Field(default="", repr=False)
    LIVEKIT_PUBLIC_URL: LiveKitAddress | None = None
    SIMULATOR_PORT: int = Field(default=8700, ge=0)
    SIMULATOR_LIVEKIT_URL: LiveKitAddress | None = None
    SIMULATOR_LIVEKIT_API_KEY: str = Field(default="", repr=False)
    SIMULATOR_LIVEKIT_API_SECRET: str = Field(default="", repr=False)
    SIMULATOR_ROOM_KEY: str = Field(default="", repr=False)
    SIMULATOR_ROOM_SECRET: str = Field(default="", repr=False)
    SITE_URL: HttpAddress = "http://127.0.0.1:8000"
    AGENT_HELLO_WITHIN: int = Field(default=3, ge=1)
    AGENT_START_WITHIN: int = Field(default=15, ge=1)
    AGENT_LEASE: int = Field(default=6, ge=2)

    KEEP_ALIVE_INTERVAL: int = Field(default=60, ge=5)
    PAGE_GRACE: int = Field(default=15, ge=1)
    STARTS_PER_MINUTE: int = Field(default=10, ge=1)
    MAX_OPEN_SESSIONS: int = Field(default=50, ge=1)

    DATABASE_URL: Annotated[str, AfterValidator(_database_address)] | None = Field(default=None, repr=False)
    REDIS_URL: str = Field(default="", repr=False)


def read_environment(dotenv: Path) -> Environment:
    """Read the environment, after adding what the file sets and the environment does not.

    The file may be missing. Raises ImproperlyConfigured, which names each variable but not its value.
    """
    _load(Path(os.environ.get("ENV_FILE", "").strip() or dotenv))
    try:
        return Environment()
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
        raise ImproperlyConfigured("; ".join(faults)) from None


def _load(path: Path) -> None:
    """Add the file's variables to the environment, which the simulator and the agent inherit as well."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in parse_stream(lines):
            if line.error:
                raise ImproperlyConfigured(f"{path.name}, line {line.original.line}: this is not NAME=value")
            if line.key is not None and line.value is not None:
                os.environ.setdefault(line.key, line.value)


def secret_key(environment: Environment, remembered_in: Path) -> str:
    """Return SECRET_KEY. With DEBUG and without one, make it once and keep it in a file that only its owner reads."""
    if environment.SECRET_KEY:
        return environment.SECRET_KEY
    if not environment.DEBUG:
        raise ImproperlyConfigured("SECRET_KEY must be set when DEBUG is off: a long random string")
    if not remembered_in.exists():
        remembered_in.parent.mkdir(parents=True, exist_ok=True)
        remembered_in.touch(mode=0o600)
        remembered_in.write_text(secrets.token_urlsafe(50), encoding="ascii")
    return remembered_in.read_text(encoding="ascii")


def database(url: str) -> dict[str, object]:
    """Return Django's settings for a database address."""
    settings: dict[str, object] = {**dj_database_url.parse(url)}
    if urlsplit(url).scheme == "sqlite":
        settings["OPTIONS"] = {
            # A deferred transaction that turns into a write fails at once when another one writes.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        # Under ASGI every request may use a thread of its own. A pool bounds the connections.
        settings["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 10}}
        # The pool checks a connection before it hands it out: PostgreSQL may have restarted meanwhile.
        settings["CONN_HEALTH_CHECKS"] = True
    return settings
