"""A job from its dispatch to its end. Runs in the job's own process."""

import asyncio
import contextlib
import logging
import os
from typing import TypeVar

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext, JobProcess

from agent import lifeline
from agent.assignment import Assignment
from agent.audience import join_hosted
from agent.conversation import Conversation
from agent.site import SiteLink, Start, Welcome
from liveavatar.media_socket import MediaSocketError

logger = logging.getLogger(__name__)

WELCOME_WITHIN = 10.0  # seconds
LEAVE_WITHIN = 3.0  # seconds; the framework grants ten for everything

Result = TypeVar("Result")


def prewarm(_process: JobProcess) -> None:
    """Import what a conversation needs before there is one."""
    lifeline.follow()
    with contextlib.suppress(ImportError):  # told in words by whoever needs it
        import pocketsphinx  # noqa: F401

    if any(os.environ.get(f"{name}_URL") for name in ("STT", "LLM", "TTS")):
        from voice.remote_service import preload

        preload()


async def entry(ctx: JobContext) -> None:
    """Begin one conversation. Whatever ends it ends the job too, and the site knows why.

    Returns as soon as it has begun: the framework ends a job only after this function.
    """
    assignment = Assignment.parse(ctx.job.metadata)
    site = SiteLink(assignment, ctx.job.id)
    link = asyncio.create_task(site.run(), name="line to the site")
    joining = asyncio.create_task(_connect(ctx, assignment, site), name="way into the room")
    holding = asyncio.create_task(_converse(ctx, assignment, site, joining), name="conversation")

    async def leave() -> None:
        """The worker drains, or the conversation failed: whoever comes next need not wait for the lease to lapse."""
        if site.started.done():
            # The framework has closed its session, and the conversation gives back what it holds.
            await asyncio.wait({holding}, timeout=LEAVE_WITHIN)
        await _ended(holding)
        if not site.ended.done():
            site.report("agent.leaving")
            await site.flushed()
        await _ended(link)

    ctx.add_shutdown_callback(leave)
    holding.add_done_callback(lambda done: ctx.shutdown(_cause(done)))
    link.add_done_callback(_cause)
    await joining


async def _connect(ctx: JobContext, assignment: Assignment, site: SiteLink) -> bool:
    # In a hosted conversation the job's own room is only where it waits.
    subscribe = AutoSubscribe.SUBSCRIBE_NONE if assignment.hosted else AutoSubscribe.AUDIO_ONLY
    try:
        await ctx.connect(auto_subscribe=subscribe)
    except rtc.ConnectError:  # not its text: it may show the address with its token
        logger.warning(
            "the room of the dispatch cannot be joined: the start failed, or another agent was asked"
        )
        site.end("no room")
        return False
    return True


async def _converse(
    ctx: JobContext, assignment: Assignment, site: SiteLink, joining: asyncio.Task[bool]
) -> str:
    """Returns the cause of the end, empty when the site knows it already."""
    waiting = True

    def on_disconnected(reason: rtc.DisconnectReason.ValueType) -> None:
        # Nobody waits for an agent whose waiting place is gone: another one was dispatched, or the start failed.
        # One that leaves by itself, as the worker drains, says so.
        if (waiting or assignment.hosted) and reason != rtc.DisconnectReason.CLIENT_INITIATED:
            site.end("put out of the room")

    ctx.room.on("disconnected", on_disconnected)
    welcome = await _unless_ended(site.welcomed, site, within=WELCOME_WITHIN)
    if welcome is None or (start := await _unless_ended(site.started, site)) is None:
        return ""
    # Who takes over knows all it needs before it has joined, and the framework answers nobody outside a room.
    if not await _unless_ended(joining, site):
        return ""
    waiting = False
    cause = await _hold(ctx, site, welcome, start, hosted=assignment.hosted)
    if cause:
        site.report("agent.session_over", {"cause": cause})
        await site.flushed()
        site.end(cause)
    return cause


async def _hold(ctx: JobContext, site: SiteLink, welcome: Welcome, start: Start, *, hosted: bool) -> str:
    """Hold the conversation in the job's own room or, `hosted`, in the service's. Returns the cause of its end."""
    room = rtc.Room() if hosted else ctx.room
    try:
        if hosted:
            await join_hosted(room, start.room_url, start.room_token)
        return await Conversation(site, welcome, start, room).run()
    except MediaSocketError as error:
        logger.warning("%s", error)
        return "avatar"
    except rtc.ConnectError:  # not its text: it may show the address with its token
        logger.warning("the service's room cannot be joined")
        return "room"
    finally:
        if hosted:
            await room.disconnect()


async def _unless_ended(
    wanted: asyncio.Future[Result], site: SiteLink, within: float | None = None
) -> Result | None:
    waits: list[asyncio.Future[Result] | asyncio.Future[str]] = [wanted, site.ended]
    await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    return wanted.result() if wanted.done() and not site.ended.done() else None


async def _ended(task: asyncio.Task[Result]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _cause(done: asyncio.Task[Result]) -> str:
    """Why a task is over, in words for the framework; an error of it goes to the log."""
    if done.cancelled():
        return "the job was cancelled"
    if error := done.exception():
        logger.error("%s failed", done.get_name(), exc_info=error)
        return "the conversation failed"
    return str(done.result() or "ended by the site")
