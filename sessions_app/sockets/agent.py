"""The agent's websocket: its lease, its events, and the site's messages to it. See docs/protocol.md."""

from typing import Any

from asgiref.sync import sync_to_async

from sessions_app.custom import lease
from sessions_app.custom.agent_line import agent_group, report_hello
from sessions_app.events import ingest
from sessions_app.events.frames import InvalidFrame, parse_events, parse_frame, refusal
from sessions_app.lifecycle.reported import apply_agent_events
from sessions_app.models import AgentLease, AvatarSession
from sessions_app.sockets.hello import BAD_FRAME, IntroducedConsumer

MAX_TURNS = 60  # of the history, the newest
MAX_JOB_ID = 24  # characters; LiveKit's have 15

BAD_KEY = 4401
OVER = 4404
STALE = 4409


class AgentConsumer(IntroducedConsumer):
    """One agent of one session. An agent has no Origin and no cookie; the key of its dispatch proves it."""

    session: AvatarSession | None = None
    attempt = 0
    job_id = ""

    async def gone(self) -> None:
        if self.session is not None:
            await self.channel_layer.group_discard(agent_group(self.session), self.channel_name)
            await lease.shorten_lease(self.session, self.attempt, self.job_id)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            frame = parse_frame(text_data or "")
            if self.session is None:
                await self._hello(frame)
            elif frame["type"] == "renew":
                await self._renew(self.session, str(frame.get("state", "")))
            elif frame["type"] == "events":
                await self._events(self.session, frame)
            elif frame["type"] == "history":
                await self.send_frame({"type": "history", "history": await _history(self.session)})
            else:
                raise InvalidFrame(f"a frame of type {frame['type'][:40]!r} is not expected here")
        except InvalidFrame:
            await self.close(BAD_FRAME)

    async def agent_start(self, _message: dict[str, Any]) -> None:
        """Send the avatar's addresses: the vendor runs the session."""
        held = await AgentLease.objects.filter(session=self.session).afirst()
        if held is not None and held.start:
            await self.send_frame({"type": "start", "start": held.start})

    async def agent_end(self, message: dict[str, Any]) -> None:
        await self.send_frame({"type": "end", "reason": message["reason"]})

    async def agent_do(self, message: dict[str, Any]) -> None:
        """Pass on a command of staff."""
        await self.send_frame({"type": "do", "command": message["command"]})

    async def _hello(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "hello":
            raise InvalidFrame("the first frame must be hello")
        key, attempt = self.scope["url_route"]["kwargs"]["key"], frame.get("attempt")
        if type(attempt) is not int or not lease.is_key_of(frame.get("key"), str(key), attempt):
            await self.close(BAD_KEY)
            return
        session = await AvatarSession.objects.filter(key=key).afirst()
        if session is None or not session.is_open:
            await self.close(OVER)
            return
        # Subscribe before taking the lease, so that messages sent in between are not lost.
        await self.channel_layer.group_add(agent_group(session), self.channel_name)
        job_id = str(frame.get("job", ""))[:MAX_JOB_ID]
        taken = await lease.take_lease(session, attempt, job_id)
        if taken is None:
            await self.channel_layer.group_discard(agent_group(session), self.channel_name)
            await self.close(STALE)
            return
        self.introduced()
        self.session, self.attempt, self.job_id = session, attempt, job_id
        await report_hello(session, attempt)
        await self.send_frame(await self._welcome(session, taken))

    async def _welcome(self, session: AvatarSession, taken: AgentLease) -> dict[str, Any]:
        return {
            "type": "welcome",
            "ack": await sync_to_async(ingest.last_seq)(session.pk, self._source),
            "renew_every": lease.RENEW_EVERY,
            **taken.config,
            "history": await _history(session),
            "start": taken.start or None,
        }

    async def _renew(self, session: AvatarSession, state: str) -> None:
        if not await lease.renew_lease(session, self.attempt, self.job_id, state):
            await self.close(STALE)

    async def _events(self, session: AvatarSession, frame: dict[str, Any]) -> None:
        events, refused = parse_events(frame)
        ack = await sync_to_async(ingest.record)(session.pk, self._source, [*events, *map(refusal, refused)])
        await self.send_frame({"type": "ack", "ack": ack})
        await apply_agent_events(session, self.attempt, events)

    @property
    def _source(self) -> str:
        """The events' source. Two jobs of one attempt number their events separately."""
        return f"agent-{self.attempt}-{self.job_id}"


async def _history(session: AvatarSession) -> list[dict[str, str]]:
    """Return the conversation so far, oldest turn first."""
    turns = [turn async for turn in session.turns.reverse()[:MAX_TURNS]]
    return [{"role": turn.role, "text": turn.said} for turn in reversed(turns) if turn.said]
