"""The log of the worker and its jobs, without secrets.

The framework, aiohttp and livekit put URLs into their errors, and the URL of a room or of a media websocket grants
access to it. Jobs send their records to the worker, so that all records pass through here.
"""

import logging
import re
from collections.abc import Mapping

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# The path and query of a websocket URL; a JWT or a signed key.
_SECRETS = (
    (re.compile(r"(wss?://[^/\s'\"]+)/[^\s'\"]*"), r"\1/…"),
    (re.compile(r"eyJ[\w-]+[.:][\w-]+[.:][\w-]*"), "…"),
)
_SECRET_SETTING = re.compile(r"(KEY|SECRET|TOKEN|PASSWORD|_OPTIONS)$")
MIN_SECRET = 8  # characters; shorter values are often ordinary words


class RedactingFormatter(logging.Formatter):
    """Replaces the secrets of the environment, and every text of their form, by an ellipsis."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(FORMAT)
        self._secrets = [
            text
            for name, value in environ.items()
            if _SECRET_SETTING.search(name)
            for text in re.findall(r"[^\s\"'{}:,]+", value)
            if len(text) >= MIN_SECRET
        ]

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
        return text


def configure_logging(level: str, environ: Mapping[str, str]) -> None:
    """Log to stderr from `level` upwards, without the secrets of `environ`."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(environ))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("livekit.agents").addFilter(_add_reason)


def _add_reason(record: logging.LogRecord) -> bool:
    # The framework attaches the error to the record, and leaves it out of the message.
    error = getattr(record, "error", None)
    if isinstance(error, BaseException) and record.levelno >= logging.WARNING:
        status = getattr(error, "status", None)
        record.msg = f"{record.msg} ({f'HTTP {status}' if status else type(error).__name__})"
    return True
