"""Work that outlives the request it began in."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_background(work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Begin `work` apart from the request.

    Django gives the queries of a request a thread of their own and closes its database connection with the request
    (`asgiref.sync.ThreadSensitiveContext`). Work that went on in that context would be given another such thread,
    whose connection nobody closes; apart from it the queries are the process's one thread's.
    """
    return asyncio.create_task(work, name=name, context=Context())
