"""What a visitor can choose from: the avatars, voices, contexts and languages of the service."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.cache import cache

from liveavatar import Avatar, ContextName, Language, LiveAvatar, LiveAvatarError, Voice

Item = TypeVar("Item")

logger = logging.getLogger(__name__)

FRESH_FOR = 60  # seconds
MOST = 100  # of a kind: more would make a page nobody chooses from
KEY = "catalog"
ENGLISH = (Language(code="en", name="English"),)  # the service's default


@dataclass(frozen=True, slots=True)
class Catalog:
    avatars: tuple[Avatar, ...]
    voices: tuple[Voice, ...]
    contexts: tuple[ContextName, ...]
    languages: tuple[Language, ...]

    def avatar(self, avatar_id: str) -> Avatar | None:
        return next((avatar for avatar in self.avatars if avatar.avatar_id == avatar_id), None)


async def load_catalog(service: LiveAvatar) -> Catalog:
    """The choices, at most a minute old. Raises LiveAvatarError when not one avatar can be had.

    What else is missing is left to the service's defaults: a conversation needs no list of voices.
    """
    known: Catalog | None = await cache.aget(KEY)
    if known is not None:
        return known
    lists = await asyncio.gather(
        _listed(service.avatars(at_most=MOST)),
        _listed(service.public_avatars(at_most=MOST)),
        _listed(service.voices(at_most=MOST)),
        _listed(service.contexts(at_most=MOST)),
        service.languages(),
        return_exceptions=True,
    )
    errors = [found for found in lists if isinstance(found, BaseException)]
    for error in errors:
        if not isinstance(error, LiveAvatarError):
            raise error
        logger.warning("a list of choices is missing: %s", error)
    own, public, voices, contexts, languages = (_or_nothing(found) for found in lists)
    usable = {avatar.avatar_id: avatar for avatar in [*own, *public] if avatar.is_usable}
    if errors and not usable:
        raise errors[0]
    catalog = Catalog(tuple(usable.values()), tuple(voices), tuple(contexts), tuple(languages) or ENGLISH)
    if not errors:
        await cache.aset(KEY, catalog, FRESH_FOR)
    return catalog


def _or_nothing(found: Any) -> list[Any]:
    return [] if isinstance(found, BaseException) else found


async def _listed(items: AsyncIterator[Item]) -> list[Item]:
    return [item async for item in items]
