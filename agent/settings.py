"""Everything that can be set about the worker. What the agent hears and speaks with: `agent.pipeline`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

AGENT_NAME = "liveavatar"  # by which the site dispatches; unnamed agents join every room
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class InvalidSetting(ValueError):
    """A variable of the environment that does not say what it must; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`capacity`: conversations at once. `drain`: seconds a worker that is to stop lets them go on."""

    livekit_url: str
    livekit_key: str
    livekit_secret: str = field(repr=False)
    capacity: int = 4
    drain: int = 5
    threads: bool = False
    log_level: str = "INFO"


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and AGENT_*. Raises InvalidSetting."""

    def text(name: str) -> str:
        value = environ.get(name, "").strip()
        if not value:
            raise InvalidSetting(
                f"{name} is not set: the agent needs the LiveKit server the site dispatches at"
            )
        return value

    def number(name: str, default: int, least: int) -> int:
        value = environ.get(name, "").strip()
        if not value:
            return default
        if not value.isdecimal() or int(value) < least:
            raise InvalidSetting(f"{name} must be a whole number, {least} or more")
        return int(value)

    log_level = (environ.get("LOG_LEVEL") or "INFO").strip().upper()
    if log_level not in LOG_LEVELS:
        raise InvalidSetting(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    executor = environ.get("AGENT_EXECUTOR", "process").strip() or "process"
    if executor not in ("process", "thread"):
        raise InvalidSetting(
            "AGENT_EXECUTOR must be process (a crash ends one conversation) or thread (less memory)"
        )
    return Settings(
        livekit_url=text("LIVEKIT_URL"),
        livekit_key=text("LIVEKIT_API_KEY"),
        livekit_secret=text("LIVEKIT_API_SECRET"),
        capacity=number("AGENT_CAPACITY", 4, 1),
        drain=number("AGENT_DRAIN", 5, 0),
        threads=executor == "thread",
        log_level=log_level,
    )
