"""Work that outlives its request."""

import threading

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async

from sessions_app.background import in_background

pytestmark = pytest.mark.django_db(transaction=True)


async def test_work_in_the_background_queries_in_the_process_thread_not_in_the_requests() -> None:
    thread = sync_to_async(threading.get_ident)
    of_process = await thread()

    async with ThreadSensitiveContext():
        of_request = await thread()
        work = in_background(thread(), "work")

    assert await work == of_process
    assert of_request != of_process
