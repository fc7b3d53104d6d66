"""Plugins of livekit-agents, named by the environment."""

import importlib
import json
import os
from collections.abc import Callable
from typing import Any


class BadPipeline(Exception):
    """A setting names a class or function that cannot be used; the text says which and why."""


def plugin(setting: str, kind: type[Any]) -> Any:
    """What `setting` names, made with its `_OPTIONS`; None when it is not set. Raises BadPipeline."""
    name = os.environ.get(setting, "").strip()
    if not name:
        return None
    made, options = named(name, setting), _options(f"{setting}_OPTIONS")
    try:
        part = made(**options)
    except Exception as error:  # noqa: BLE001 - somebody else's class may raise anything
        raise BadPipeline(
            f"{setting}={name} cannot be made: {_without(options, str(error))} "
            f"(its arguments are in {setting}_OPTIONS)"
        ) from None
    if not isinstance(part, kind):
        raise BadPipeline(f"{setting}={name} is no {kind.__name__} of livekit-agents")
    return part


def named(name: str, setting: str) -> Callable[..., Any]:
    """The class or function `package.module:name` or `package.module.name`. Raises BadPipeline."""
    module, _, attribute = name.replace(":", ".").rpartition(".")
    if not module:
        raise BadPipeline(f"{setting}={name} must be package.module:name")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadPipeline(
            f"{setting}={name} cannot be imported: {error}. Is its package installed?"
        ) from None
    if not callable(found):
        raise BadPipeline(f"{setting}={name} is neither a class nor a function")
    return found  # type: ignore[no-any-return]


def _options(setting: str) -> dict[str, Any]:
    try:
        options = json.loads(os.environ.get(setting) or "{}")
    except ValueError:
        raise BadPipeline(f"{setting} is no JSON") from None
    if not isinstance(options, dict):
        raise BadPipeline(f'{setting} must be a JSON object such as {{"model": "..."}}')
    return options


def _without(options: dict[str, Any], text: str) -> str:
    """An error may repeat what it was given, and that may be a key."""
    for value in options.values():
        if isinstance(value, str) and value:
            text = text.replace(value, "…")
    return text
