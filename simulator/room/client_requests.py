"""The requests of a client on the signalling websocket (`SignalRequest`)."""

import time

from livekit.protocol import models as M
from livekit.protocol import rtc as R

from simulator.room.participant import Participant


async def obey(participant: Participant, request: R.SignalRequest) -> None:
    """Handle one request. Unknown and advisory ones (`sync_state`, `update_layers`, ...) are ignored.

    Raises whatever aiortc raises for a malformed session description or candidate.
    """
    match request.WhichOneof("message"):
        case "offer":
            participant.send(answer=await participant.peers.answer(request.offer))
        case "answer":
            await participant.peers.accept_answer(request.answer)
        case "trickle":
            await participant.peers.add_candidate(request.trickle)
        case "add_track":
            participant.announce(request.add_track)
        case "mute":
            participant.mute(request.mute.sid, request.mute.muted)
        case "subscription":
            change_subscriptions(participant, request.subscription)
        case "track_setting":
            change_track_settings(participant, request.track_setting)
        case "update_metadata":
            update_metadata(participant, request.update_metadata)
        case "ping":
            participant.send(pong=now_ms())
        case "ping_req":
            participant.send(pong=now_ms())  # the only answer that the Rust SDK of 2025 reads
            answer = R.Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=now_ms())
            participant.send(pong_resp=answer)
        case "leave":
            participant.room.depart(participant, M.DisconnectReason.CLIENT_INITIATED)


def change_subscriptions(participant: Participant, wanted: R.UpdateSubscription) -> None:
    sids = set(wanted.track_sids)
    for group in wanted.participant_tracks:
        sids.update(group.track_sids)
    for track_sid in sids:
        if not wanted.subscribe:
            participant.unsubscribe(track_sid)
        elif (track := participant.room.track(track_sid)) is not None:
            participant.subscribe(track)


def change_track_settings(participant: Participant, settings: R.UpdateTrackSettings) -> None:
    """Pause or resume tracks for adaptive stream: a hidden video element needs no packets."""
    for track_sid in settings.track_sids:
        forwarder = participant.peers.forwarder(track_sid)
        if forwarder is not None and settings.disabled:
            forwarder.pause()
        elif forwarder is not None:
            forwarder.resume()


def update_metadata(participant: Participant, wanted: R.UpdateParticipantMetadata) -> None:
    """Change name, metadata and attributes. SDKs wait for the response, which must follow the update."""
    allowed = participant.info.permission.can_update_metadata
    if allowed:
        participant.update(lambda info: amend(info, wanted.name, wanted.metadata, dict(wanted.attributes)))
    reason = R.RequestResponse.OK if allowed else R.RequestResponse.NOT_ALLOWED
    participant.send(
        request_response=R.RequestResponse(
            request_id=wanted.request_id,
            reason=reason,
            message="" if allowed else "does not have permission to update own metadata",
        )
    )


def amend(info: M.ParticipantInfo, name: str, metadata: str, attributes: dict[str, str]) -> None:
    """Set the values that are not empty; an attribute with an empty value is removed."""
    if name:
        info.name = name
    if metadata:
        info.metadata = metadata
    for key, value in attributes.items():
        if value:
            info.attributes[key] = value
        else:
            info.attributes.pop(key, None)


def now_ms() -> int:
    return int(time.time() * 1000)
