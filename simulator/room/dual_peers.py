"""Signalling v0 (`/rtc`): two peer connections per client; on the second the server makes the offers."""

import asyncio
import logging
from typing import TYPE_CHECKING

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from livekit.protocol import rtc as R

from simulator.room.peers import LOSSY, RELIABLE, Peers, without_candidates

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.track import Track

logger = logging.getLogger(__name__)


class DualPeers(Peers):
    """The client publishes on one peer connection and subscribes on the other."""

    def __init__(self, participant: "Participant") -> None:
        super().__init__(participant)
        self._subscriber = self._open_connection()
        self._changed = asyncio.Event()
        self._retired: list[RTCRtpSender] = []
        self._offer: R.SessionDescription | None = None
        self._answered: asyncio.Future[str] | None = None
        self._offering: asyncio.Task[None] | None = None

    @property
    def subscriber_primary(self) -> bool:
        return True

    @property
    def alive(self) -> bool:
        return super().alive and self._subscriber.connectionState not in ("failed", "closed")

    def start(self) -> None:
        # The data channels come after the first transceivers. In the reverse order aiortc stops the transport they
        # share when the answer arrives.
        reliable = self._subscriber.createDataChannel(RELIABLE)
        reliable.on("open", self._reliable_opened)
        lossy = self._subscriber.createDataChannel(LOSSY, ordered=False, maxRetransmits=0)
        self._sending = {RELIABLE: reliable, LOSSY: lossy}
        self._changed.set()
        self._offering = asyncio.create_task(self._offer_changes(), name="subscriber offers")

    def resumed(self) -> None:
        if self._offer is not None:
            self._participant.send(offer=self._offer)

    def deliver(self, track: "Track") -> None:
        if not self.alive:
            return  # the client is leaving, or joins anew: aiortc closes a connection when its client does
        transceiver = self._subscriber.addTransceiver(track.source.kind, direction="sendonly")
        capabilities = RTCRtpSender.getCapabilities(track.source.kind).codecs
        mime = track.source.codec.mimeType
        transceiver.setCodecPreferences([codec for codec in capabilities if codec.mimeType == mime])
        self._forward(track, transceiver)
        self._changed.set()

    def withdraw(self, track_sid: str) -> None:
        sender = self._release(track_sid)
        if sender is not None:
            self._retired.append(sender)
            self._changed.set()

    def recode(self, track: "Track") -> None:
        # The media section was offered with the old codec only.
        if self.forwarder(track.sid) is not None:
            self.withdraw(track.sid)
            self.deliver(track)

    async def accept_answer(self, answer: R.SessionDescription) -> None:
        if self._answered is None or self._answered.done():
            return  # the second answer to an offer that was sent again after a resume
        self._answered.set_result(without_candidates(answer.sdp))

    async def close(self) -> None:
        if self._offering is not None:
            self._offering.cancel()
            await asyncio.wait([self._offering])
        await super().close()
        await self._subscriber.close()

    def _connection_of(self, target: int) -> RTCPeerConnection:
        return self._subscriber if target == R.SignalTarget.SUBSCRIBER else self._connection

    async def _offer_changes(self) -> None:
        """Send an offer whenever tracks were added or removed, one at a time."""
        number = 0
        try:
            while await self._changed.wait():
                self._changed.clear()
                number += 1
                await self._offer_once(number)
        except Exception as error:  # whatever aiortc raises for a bad answer ends this client only
            logger.info("subscriber negotiation failed", exc_info=error)
            self._participant.fail(f"cannot use its answer: {error}")

    async def _offer_once(self, number: int) -> None:
        while self._retired:
            await self._retired.pop().stop()
        self._answered = asyncio.get_running_loop().create_future()
        await self._subscriber.setLocalDescription(await self._subscriber.createOffer())
        self._offer = R.SessionDescription(type="offer", sdp=self._subscriber.localDescription.sdp, id=number)
        self._participant.send(offer=self._offer)
        answer = await self._answered
        self._offer = None
        await self._subscriber.setRemoteDescription(RTCSessionDescription(answer, "answer"))
