"""The queue of commands, from data packets of the page and from staff by way of the site."""

import asyncio
import logging
from collections import deque

from livekit import rtc

from agent.conversation.commands import TOPIC, Command, parse_packet
from agent.conversation.participants import is_person

logger = logging.getLogger(__name__)

MAX_WAITING = 32
# Seconds. livekit-server announces a participant without a microphone up to 3 s late: its packets come first.
ANNOUNCED_WITHIN = 5.0
# Seconds between the participants that it announces together.
ANNOUNCED_TOGETHER = 0.05


class CommandInbox:
    """Takes the commands of people in the room; never those of agents, nor of the avatar."""

    def __init__(self) -> None:
        self._commands: asyncio.Queue[Command] = asyncio.Queue(MAX_WAITING)
        # (time of receipt, packet) of senders that the server has not announced yet
        self._unattributed: deque[tuple[float, bytes]] = deque(maxlen=MAX_WAITING)

    def subscribe(self, room: rtc.Room) -> None:
        """Take the commands that are sent in `room` from now on."""
        room.on("data_received", self._on_data)
        room.on("participant_connected", self._on_connected)

    async def get(self) -> Command:
        """Wait for the next command."""
        return await self._commands.get()

    def put(self, command: Command | None) -> None:
        """Append a command; None is ignored."""
        if command is None:
            return
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            logger.warning("too many commands; %s dropped", command.kind)

    def discard(self, unwanted: Command) -> None:
        """Remove every waiting command that equals `unwanted`."""
        for command in [self._commands.get_nowait() for _ in range(self._commands.qsize())]:
            if command != unwanted:
                self.put(command)

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic != TOPIC:
            return
        if packet.participant is None:
            self._unattributed.append((asyncio.get_running_loop().time(), packet.data))
        elif is_person(packet.participant):
            self.put(parse_packet(packet.data))

    def _on_connected(self, participant: rtc.RemoteParticipant) -> None:
        if is_person(participant):
            # Not at once: an agent announced together with this person may be the sender.
            asyncio.get_running_loop().call_later(ANNOUNCED_TOGETHER, self._attribute_to_person)
        else:
            self._unattributed.clear()

    def _attribute_to_person(self) -> None:
        packets, now = list(self._unattributed), asyncio.get_running_loop().time()
        self._unattributed.clear()
        for received_at, packet in packets:
            if now - received_at < ANNOUNCED_WITHIN:
                self.put(parse_packet(packet))
