"""Data packets. publishData, RPC, text and byte streams are all `DataPacket`s that the server does not open."""

from typing import TYPE_CHECKING

from livekit.protocol import models as M

from simulator.room.peers import LOSSY, RELIABLE

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.room import Room


def forward(room: "Room", packet: M.DataPacket, label: str, sender: "Participant | None") -> None:
    """Forward a packet to its destinations, or to all other participants, on the channel with that label.

    Set sender sid and identity from the connection. Exception: an agent may send a transcript on behalf of a user.
    `sender` is None for packets of the RoomService.
    """
    packet.participant_sid = sender.sid if sender else ""
    if sender is not None and _is_text_for_another(packet, sender):
        packet.stream_header.text_header.generated = True
    else:
        packet.participant_identity = sender.identity if sender else ""
    identities, sids = set(packet.destination_identities), set[str]()
    if packet.WhichOneof("value") == "user":
        packet.user.participant_sid = packet.participant_sid
        packet.user.participant_identity = packet.participant_identity
        identities.update(packet.user.destination_identities)
        sids.update(packet.user.destination_sids)
    raw = packet.SerializeToString()
    for participant in list(room.participants.values()):
        chosen = participant.identity in identities or participant.sid in sids
        if participant is not sender and (chosen or not (identities or sids)):
            participant.peers.send(raw, label)


def _is_text_for_another(packet: M.DataPacket, sender: "Participant") -> bool:
    is_text = packet.WhichOneof("value") == "stream_header" and packet.stream_header.HasField("text_header")
    is_agent = sender.info.kind == M.ParticipantInfo.Kind.AGENT or sender.info.permission.agent
    return is_text and is_agent and packet.participant_identity not in ("", sender.identity)


def label_of(kind: int) -> str:
    """Return the label of the data channel for a `DataPacket.Kind`."""
    return LOSSY if kind == M.DataPacket.Kind.LOSSY else RELIABLE
