"""Requests of the session page, as a test makes them."""

from typing import Any

import httpx
from django.test import AsyncClient

from sessions_app.models import AvatarSession


async def create(visitor: AsyncClient, choice: dict[str, Any]) -> AvatarSession:
    response = await visitor.post("/sessions/", choice)
    assert response.status_code == 302
    return await AvatarSession.objects.aget(key=response.headers["Location"].split("/")[2])


async def start(visitor: AsyncClient, session: AvatarSession) -> httpx.Response:
    response: httpx.Response = await visitor.post(f"/sessions/{session.key}/start/")
    await session.arefresh_from_db()
    return response


async def stop(visitor: AsyncClient, session: AvatarSession, **body: str) -> dict[str, Any]:
    response = await visitor.post(f"/sessions/{session.key}/stop/", body, content_type="application/json")
    await session.arefresh_from_db()
    answer: dict[str, Any] = response.json()
    return answer
