"""Classes and functions that the environment names, such as plugins of livekit-agents."""

import importlib
import json
import os
from collections.abc import Callable
from typing import Any


class InvalidPipeline(Exception):
    """A setting names a class or function that cannot be used; the text says which one and why."""


def make_plugin(setting: str, kind: type[Any]) -> Any:
    """Create the plugin that `setting` names, with its `_OPTIONS`; None when it is not set.

    `kind` is the class it must be of: `stt.STT`, `llm.LLM` or `tts.TTS`. Raises InvalidPipeline.
    """
    name = os.environ.get(setting, "").strip()
    if not name:
        return None
    make, options = import_callable(name, setting), _read_options(f"{setting}_OPTIONS")
    try:
        plugin = make(**options)
    except Exception as error:  # noqa: BLE001 - a third-party class may raise anything
        raise InvalidPipeline(
            f"{setting}={name} cannot be created: {_redact(options, str(error))} "
            f"(its arguments are in {setting}_OPTIONS)"
        ) from None
    if not isinstance(plugin, kind):
        raise InvalidPipeline(f"{setting}={name} is no {kind.__name__} of livekit-agents")
    return plugin


def import_callable(name: str, setting: str) -> Callable[..., Any]:
    """Import the class or function `package.module:name` or `package.module.name`. Raises InvalidPipeline."""
    module, _, attribute = name.replace(":", ".").rpartition(".")
    if not module:
        raise InvalidPipeline(f"{setting}={name} must be package.module:name")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidPipeline(
            f"{setting}={name} cannot be imported: {error}. Is its package installed?"
        ) from None
    if not callable(found):
        raise InvalidPipeline(f"{setting}={name} is neither a class nor a function")
    return found  # type: ignore[no-any-return]


def _read_options(setting: str) -> dict[str, Any]:
    try:
        options = json.loads(os.environ.get(setting) or "{}")
    except ValueError:
        raise InvalidPipeline(f"{setting} is not valid JSON") from None
    if not isinstance(options, dict):
        raise InvalidPipeline(f'{setting} must be a JSON object such as {{"model": "..."}}')
    return options


def _redact(options: dict[str, Any], text: str) -> str:
    """Remove the option values from an error's text: one of them may be a key."""
    for value in options.values():
        if isinstance(value, str) and value:
            text = text.replace(value, "…")
    return text
