"""The requests of the lobby and of a session's page."""

from typing import Any

from django.test import AsyncClient

from sessions_app.models import AvatarSession


async def create(visitor: AsyncClient, choice: dict[str, Any]) -> AvatarSession:
    """Post the lobby's form and return the session that it made."""
    response = await visitor.post("/sessions/", choice)
    assert response.status_code == 302
    return await AvatarSession.objects.aget(key=response.headers["Location"].split("/")[2])


async def start(visitor: AsyncClient, session: AvatarSession) -> Any:
    """Ask for the start, as the page's script does, and return the test client's response."""
    response = await visitor.post(f"/sessions/{session.key}/start/")
    await session.arefresh_from_db()
    return response


async def stop(visitor: AsyncClient, session: AvatarSession, **body: str) -> dict[str, Any]:
    """Ask for the end, as the page's script does, and return the answer."""
    response = await visitor.post(f"/sessions/{session.key}/stop/", body, content_type="application/json")
    await session.arefresh_from_db()
    answer: dict[str, Any] = response.json()
    return answer
