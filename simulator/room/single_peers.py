"""Signalling v1 (`/rtc/v1`): one peer connection for both directions; the client makes all offers."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from aiortc import RTCDataChannel, RTCRtpSender, RTCRtpTransceiver
from livekit.protocol import rtc as R

from simulator.room import aiortc_seams as seams
from simulator.room.peers import RELIABLE, Peers

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.track import Track


REMIND_AFTER = 2.0  # seconds without the requested offer


class SinglePeers(Peers):
    """Puts tracks into the media sections that the client offers to receive on, and requests more as needed."""

    def __init__(self, participant: "Participant") -> None:
        super().__init__(participant)
        self._waiting: dict[str, Track] = {}
        self._retired: list[RTCRtpSender] = []
        self._used: set[str | None] = (
            set()
        )  # mids that once carried a track: another must not inherit its SSRC
        self._asked: Counter[str] = Counter()
        self._offered = False
        self._reminder: asyncio.TimerHandle | None = None

    @property
    def subscriber_primary(self) -> bool:
        return False

    def deliver(self, track: "Track") -> None:
        self._waiting[track.sid] = track
        self._ask_for_offer()

    def withdraw(self, track_sid: str) -> None:
        if self._waiting.pop(track_sid, None) is not None:
            return
        sender = self._release(track_sid)
        if sender is not None:
            self._retired.append(sender)
            self._ask_for_offer()

    def recode(self, track: "Track") -> None:
        # Sections are negotiated with all codecs, so only the payload type changes.
        forwarder = self.forwarder(track.sid)
        if forwarder is not None:
            forwarder.recode()

    def resumed(self) -> None:
        if self._waiting or self._retired:
            self._asked.clear()
            self._ask_for_offer()

    async def close(self) -> None:
        self._forget_reminder()
        await super().close()

    def _take_channel(self, channel: RTCDataChannel) -> None:
        super()._take_channel(channel)
        self._sending[channel.label] = channel
        if channel.label == RELIABLE:
            self._reliable_opened()

    async def _fill_sections(self) -> dict[str, str]:
        self._offered = True
        self._asked.clear()
        self._forget_reminder()
        while self._retired:
            await self._retired.pop().stop()
        for track in list(self._waiting.values()):
            free = self._free_sections(track.source.kind)
            if free:
                self._used.add(free[0].mid)
                self._forward(self._waiting.pop(track.sid), free[0])
        if self._waiting:
            self._ask_for_offer()
        return {transceiver.mid or "": sid for sid, (_, transceiver) in self._forwarders.items()}

    def _free_sections(self, kind: str) -> list[RTCRtpTransceiver]:
        return [
            transceiver
            for transceiver in self._connection.getTransceivers()
            if transceiver.kind == kind
            and transceiver.mid not in self._used
            and seams.client_receives(transceiver)
        ]

    def _ask_for_offer(self) -> None:
        """Request an offer with sections for the tracks that wait. 0 and 0 requests an offer without more sections."""
        if not self._offered:
            return
        wanted = Counter(track.source.kind for track in self._waiting.values())
        missing = {
            kind: max(0, wanted[kind] - len(self._free_sections(kind)) - self._asked[kind])
            for kind in ("audio", "video")
        }
        self._asked.update(missing)
        self._participant.send(
            media_sections_requirement=R.MediaSectionsRequirement(
                num_audios=missing["audio"], num_videos=missing["video"]
            )
        )
        # A client may lose a request that reaches it in the middle of a negotiation.
        self._forget_reminder()
        self._reminder = asyncio.get_running_loop().call_later(REMIND_AFTER, self.resumed)

    def _forget_reminder(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None
