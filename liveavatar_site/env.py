"""Typed readers of environment variables. A value that cannot be understood stops the start, with its name."""

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def load_dotenv(path: Path) -> None:
    """Take `NAME=value` lines from a `.env` file, if there is one; real environment variables win."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path.name} line {number} is not NAME=value")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if name not in os.environ:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}")


def env_int(name: str, default: int, *, at_least: int = 0) -> int:
    text = env_str(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}") from None
    if value < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {value}")
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    """A comma separated list."""
    text = env_str(name)
    return [part.strip() for part in text.split(",") if part.strip()] if text else default


def env_url(name: str, default: str) -> str:
    """An http(s) address without a trailing slash."""
    url = env_str(name, default).rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ImproperlyConfigured(f"{name} must be an http:// or https:// address")
    return url


def env_room_url(name: str, default: str = "") -> str:
    """The address of a LiveKit server as ws:// or wss://, without a trailing slash; http(s) is taken as well."""
    url = env_str(name, default).rstrip("/")
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be the address of a LiveKit server, ws://... or wss://...")
    return parts._replace(scheme=parts.scheme.replace("http", "ws")).geturl()


def secret_key(debug: bool, remembered_in: Path) -> str:
    """`SECRET_KEY`, required unless DEBUG, where one is made once and kept in a file only its owner reads."""
    key = env_str("SECRET_KEY")
    if key:
        return key
    if not debug:
        raise ImproperlyConfigured("SECRET_KEY must be set when DEBUG is off: a long random string")
    if not remembered_in.exists():
        remembered_in.parent.mkdir(parents=True, exist_ok=True)
        remembered_in.touch(mode=0o600)
        remembered_in.write_text(secrets.token_urlsafe(50), encoding="ascii")
    return remembered_in.read_text(encoding="ascii")


def database(url: str) -> dict[str, object]:
    """Django's settings for a database address: `sqlite:///path` or `postgresql://user:password@host:port/name`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                # A deferred transaction that turns into a write fails at once when another one writes.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": parts.port or "",
            # Under ASGI every request may use a thread of its own: a pool bounds the connections.
            "OPTIONS": {"pool": {"min_size": 1, "max_size": 10}},
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:/// or postgresql://")
