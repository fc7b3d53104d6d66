"""Tasks that outlive the request in which they began."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_background(work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Run `work` outside the request's context.

    Django gives the queries of a request a thread of their own and closes its database connection with the request
    (`asgiref.sync.ThreadSensitiveContext`). Work that outlives the request in that context would get another such
    thread, whose connection is never closed. In a fresh context its queries run in the process's one thread.
    """
    return asyncio.create_task(work, name=name, context=Context())
