"""The settings of the worker. Those of the pipeline: `agent.pipeline.build`."""

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

AGENT_NAME = "liveavatar"  # the site dispatches to this name; LiveKit sends unnamed agents into every room


class InvalidSetting(ValueError):
    """A variable of the environment is missing or wrong; the text names it."""


class Settings(BaseModel):
    """What each setting means is in `docs/custom-agent.md`."""

    model_config = ConfigDict(frozen=True)

    livekit_url: str = Field(alias="LIVEKIT_URL")
    livekit_key: str = Field(alias="LIVEKIT_API_KEY")
    livekit_secret: SecretStr = Field(alias="LIVEKIT_API_SECRET")
    capacity: int = Field(4, alias="AGENT_CAPACITY", ge=1)
    drain: int = Field(5, alias="AGENT_DRAIN", ge=0)  # seconds
    executor: Literal["process", "thread"] = Field("process", alias="AGENT_EXECUTOR")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="LOG_LEVEL")


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, AGENT_* and LOG_LEVEL. Raises InvalidSetting.

    A blank variable counts as not set.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    if "LOG_LEVEL" in given:
        given["LOG_LEVEL"] = given["LOG_LEVEL"].upper()
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        name, words = fault["loc"][0], fault["msg"][:1].lower() + fault["msg"][1:]
        if fault["type"] == "missing":
            raise InvalidSetting(
                f"{name} is not set: the agent needs the LiveKit server at which the site dispatches"
            ) from None
        raise InvalidSetting(f"{name}: {words}") from None
