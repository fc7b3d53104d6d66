"""A job, from its dispatch to its end. It runs in a process of its own."""

import asyncio
import contextlib
import logging
import os
from typing import TypeVar

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext, JobProcess

from agent.conversation.conversation import Conversation
from agent.conversation.participants import join_hosted_room
from agent.site.client import SiteClient
from agent.site.frames import AgentConfig, SessionAccess
from agent.site.job_metadata import JobMetadata
from agent.worker import orphan_guard
from liveavatar.media_socket import MediaSocketError

logger = logging.getLogger(__name__)

WELCOME_TIMEOUT = 10.0  # seconds
CLEAN_UP_TIMEOUT = 3.0  # seconds; the framework allows ten for the whole shutdown

Result = TypeVar("Result")


def prewarm(_process: JobProcess) -> None:
    """Prepare an idle process: import what a conversation needs."""
    orphan_guard.exit_with_worker()
    with contextlib.suppress(ImportError):  # reported where it is needed
        import pocketsphinx  # noqa: F401

    if any(os.environ.get(f"{name}_URL") for name in ("STT", "LLM", "TTS")):
        from voice.remote_service import preload

        preload()


async def entrypoint(ctx: JobContext) -> None:
    """Start one conversation. Its end ends the job, and the site learns the cause.

    Returns when the room is joined: the framework ends a job only after this function has returned.
    """
    metadata = JobMetadata.parse(ctx.job.metadata)
    site = SiteClient(metadata, ctx.job.id)
    connecting = asyncio.create_task(site.run(), name="connection to the site")
    joining = asyncio.create_task(_join(ctx, metadata, site), name="joining the room")
    conversing = asyncio.create_task(_converse(ctx, metadata, site, joining), name="conversation")

    async def leave() -> None:
        """Tell the site to dispatch another agent now, before the lease lapses, unless the session is over."""
        if site.started.done():
            # The framework has closed its session; the conversation closes the rest.
            await asyncio.wait({conversing}, timeout=CLEAN_UP_TIMEOUT)
        await _cancel(conversing)
        if not site.ended.done():
            site.report("agent.leaving")
            await site.flush()
        await _cancel(connecting)

    ctx.add_shutdown_callback(leave)
    conversing.add_done_callback(lambda done: ctx.shutdown(_end_reason(done)))
    connecting.add_done_callback(_end_reason)
    await joining


async def _join(ctx: JobContext, metadata: JobMetadata, site: SiteClient) -> bool:
    subscribe = AutoSubscribe.SUBSCRIBE_NONE if metadata.hosted else AutoSubscribe.AUDIO_ONLY
    try:
        await ctx.connect(auto_subscribe=subscribe)
    except rtc.ConnectError:  # without its text, which may hold the URL with its token
        logger.warning(
            "session %.8s: cannot join the room of the job: the start failed, or another agent was dispatched",
            metadata.session,
        )
        site.end("no room")
        return False
    return True


async def _converse(
    ctx: JobContext, metadata: JobMetadata, site: SiteClient, joining: asyncio.Task[bool]
) -> str:
    """Return the cause of the end; "" when the site knows it already."""
    is_waiting = True

    def on_disconnected(reason: rtc.DisconnectReason.ValueType) -> None:
        # The room in which the agent waits is gone: another agent was dispatched, or the start failed. An agent
        # that leaves because its worker drains reports that itself.
        if (is_waiting or metadata.hosted) and reason != rtc.DisconnectReason.CLIENT_INITIATED:
            site.end("removed from the room")

    ctx.room.on("disconnected", on_disconnected)
    config = await _unless_ended(site.welcomed, site, timeout=WELCOME_TIMEOUT)
    if config is None or (access := await _unless_ended(site.started, site)) is None:
        return ""
    # An agent that takes over has all of this before it has joined; the framework speaks only inside a room.
    if not await _unless_ended(joining, site):
        return ""
    is_waiting = False
    cause = await _hold(ctx, metadata, site, config, access)
    if cause:
        site.report("agent.session_over", {"cause": cause})
        await site.flush()
        site.end(cause)
    return cause


async def _hold(
    ctx: JobContext, metadata: JobMetadata, site: SiteClient, config: AgentConfig, access: SessionAccess
) -> str:
    """Hold the conversation in the room of the job or, when hosted, of the service. Return the cause of its end."""
    room = rtc.Room() if metadata.hosted else ctx.room
    try:
        if metadata.hosted:
            await join_hosted_room(room, access.room_url, access.room_token)
        return await Conversation(site, config, access, room).run()
    except MediaSocketError as error:
        logger.warning("session %.8s: %s", metadata.session, error)
        return "avatar"
    except rtc.ConnectError:  # without its text, which may hold the URL with its token
        logger.warning("session %.8s: cannot join the room of the service", metadata.session)
        return "room"
    finally:
        if metadata.hosted:
            await room.disconnect()


async def _unless_ended(
    wanted: asyncio.Future[Result], site: SiteClient, timeout: float | None = None
) -> Result | None:
    """Wait for `wanted`; return None after `timeout` seconds or when the session ends first."""
    waits: list[asyncio.Future[Result] | asyncio.Future[str]] = [wanted, site.ended]
    await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    return wanted.result() if wanted.done() and not site.ended.done() else None


async def _cancel(task: asyncio.Task[Result]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _end_reason(done: asyncio.Task[Result]) -> str:
    """Return why the task ended, as a reason for the framework; log its error."""
    if done.cancelled():
        return "the job was cancelled"
    if error := done.exception():
        logger.error("%s failed", done.get_name(), exc_info=error)
        return "the conversation failed"
    return str(done.result() or "ended by the site")
