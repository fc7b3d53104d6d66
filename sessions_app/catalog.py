"""What a visitor can choose from: the avatars, voices, contexts and languages of the service."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from django.core.cache import cache

from liveavatar import Avatar, ContextName, Language, LiveAvatar, Voice

Item = TypeVar("Item")

FRESH_FOR = 60  # seconds
KEY = "catalog"


@dataclass(frozen=True, slots=True)
class Catalog:
    avatars: tuple[Avatar, ...]
    voices: tuple[Voice, ...]
    contexts: tuple[ContextName, ...]
    languages: tuple[Language, ...]

    def avatar(self, avatar_id: str) -> Avatar | None:
        return next((avatar for avatar in self.avatars if avatar.avatar_id == avatar_id), None)


async def load_catalog(service: LiveAvatar) -> Catalog:
    """The choices, at most a minute old. Raises LiveAvatarError."""
    known: Catalog | None = await cache.aget(KEY)
    if known is None:
        known = await _fetch(service)
        await cache.aset(KEY, known, FRESH_FOR)
    return known


async def _fetch(service: LiveAvatar) -> Catalog:
    try:
        async with asyncio.TaskGroup() as group:
            own = group.create_task(_listed(service.avatars()))
            public = group.create_task(_listed(service.public_avatars()))
            voices = group.create_task(_listed(service.voices()))
            contexts = group.create_task(_listed(service.contexts()))
            languages = group.create_task(service.languages())
    except BaseExceptionGroup as failures:
        # All of them have the same cause, as far as a visitor is concerned.
        raise failures.exceptions[0] from None
    usable = {a.avatar_id: a for a in [*own.result(), *public.result()] if a.is_usable}
    return Catalog(
        tuple(usable.values()), tuple(voices.result()), tuple(contexts.result()), tuple(languages.result())
    )


async def _listed(items: AsyncIterator[Item]) -> list[Item]:
    return [item async for item in items]
