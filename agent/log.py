"""What the worker and its jobs log: with the reasons the framework keeps to itself, and without secrets.

The framework, aiohttp and livekit put addresses into their errors, and in an address of a room or of a media websocket
is what opens it. Jobs hand their records to the worker, so that all pass through here.
"""

import logging
import re
from collections.abc import Mapping

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# What a websocket's address or a token shows beyond its host.
_SECRETS = (
    (re.compile(r"(wss?://[^/\s'\"]+)/[^\s'\"]*"), r"\1/…"),
    (re.compile(r"eyJ[\w-]+[.:][\w-]+[.:][\w-]*"), "…"),
)
_SECRET_SETTING = re.compile(r"(KEY|SECRET|TOKEN|PASSWORD|_OPTIONS)$")
SHORTEST_SECRET = 8  # characters; shorter ones are words that stand in the text anyway


class SafeFormatter(logging.Formatter):
    """Leaves out the secrets of the environment, and all that is like one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(FORMAT)
        self._secrets = [
            text
            for name, value in environ.items()
            if _SECRET_SETTING.search(name)
            for text in re.findall(r"[^\s\"'{}:,]+", value)
            if len(text) >= SHORTEST_SECRET
        ]

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
        return text


def configure(level: str, environ: Mapping[str, str]) -> None:
    """Log to stderr from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter(environ))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("livekit.agents").addFilter(_add_reason)


def _add_reason(record: logging.LogRecord) -> bool:
    error = getattr(record, "error", None)
    if isinstance(error, BaseException) and record.levelno >= logging.WARNING:
        status = getattr(error, "status", None)
        record.msg = f"{record.msg} ({f'HTTP {status}' if status else type(error).__name__})"
    return True
