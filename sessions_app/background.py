"""Tasks that outlive the request in which they began."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

from channels.db import aclose_old_connections

Result = TypeVar("Result")


def in_background(work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Run `work` outside the request's context.

    Django gives the queries of a request a thread of their own and closes its database connection with the request
    (`asgiref.sync.ThreadSensitiveContext`). Work that outlives the request in that context would get another such
    thread, whose connection is never closed. In a fresh context its queries run in the process's one thread.
    """
    task = asyncio.create_task(_with_fresh_connection(work), name=name, context=Context())
    # A task that is cancelled before `work` begins would leave Python a coroutine to warn about.
    task.add_done_callback(lambda _: work.close())
    return task


async def _with_fresh_connection(work: Coroutine[Any, Any, Result]) -> Result:
    """Let go of a connection that the database has cut. Django does so only when a request begins."""
    await aclose_old_connections()
    return await work
