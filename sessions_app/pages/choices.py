"""The choices of the lobby: the avatars, voices, contexts and languages that the vendor offers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.cache import cache

from liveavatar import Avatar, ContextName, Language, LiveAvatarError, Voice
from sessions_app.clients import liveavatar

Item = TypeVar("Item")

logger = logging.getLogger(__name__)

FRESH_FOR = 60  # seconds
AT_MOST = 100  # per list; visitors cannot choose from a longer one
KEY = "choices"
ENGLISH = (Language(code="en", name="English"),)  # the vendor's default


@dataclass(frozen=True, slots=True)
class Choices:
    avatars: tuple[Avatar, ...]
    voices: tuple[Voice, ...]
    contexts: tuple[ContextName, ...]
    languages: tuple[Language, ...]

    def avatar(self, avatar_id: str) -> Avatar | None:
        return next((avatar for avatar in self.avatars if avatar.avatar_id == avatar_id), None)


async def load_choices() -> Choices:
    """Return the choices, at most FRESH_FOR seconds old. Raises LiveAvatarError if no avatar can be listed.

    Any other list that fails stays empty: the form then offers the vendor's default only.
    """
    known: Choices | None = await cache.aget(KEY)
    if known is not None:
        return known
    vendor = liveavatar()
    lists = await asyncio.gather(
        _listed(vendor.avatars(at_most=AT_MOST)),
        _listed(vendor.public_avatars(at_most=AT_MOST)),
        _listed(vendor.voices(at_most=AT_MOST)),
        _listed(vendor.contexts(at_most=AT_MOST)),
        vendor.languages(),
        return_exceptions=True,
    )
    errors = [found for found in lists if isinstance(found, BaseException)]
    for error in errors:
        if not isinstance(error, LiveAvatarError):
            raise error
        logger.warning("the vendor did not list some choices: %s", error)
    own, public, voices, contexts, languages = (_or_empty(found) for found in lists)
    usable = {avatar.avatar_id: avatar for avatar in [*own, *public] if avatar.is_usable}
    if errors and not usable:
        raise errors[0]
    choices = Choices(tuple(usable.values()), tuple(voices), tuple(contexts), tuple(languages) or ENGLISH)
    if not errors:
        await cache.aset(KEY, choices, FRESH_FOR)
    return choices


def _or_empty(found: Any) -> list[Any]:
    return [] if isinstance(found, BaseException) else found


async def _listed(items: AsyncIterator[Item]) -> list[Item]:
    return [item async for item in items]
