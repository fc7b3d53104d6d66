"""Who is listened to: people, one at a time, whichever microphone of theirs is the newest."""

import asyncio
import contextlib

from livekit import rtc
from livekit.agents.voice.room_io import RoomIO


def is_person(participant: rtc.Participant | None) -> bool:
    """Not the avatar and not another agent, whose voices must never be taken for a user's."""
    return participant is not None and participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD


async def wait_for_person(room: rtc.Room, within: float) -> None:
    """Return when somebody is in the room, or after `within` seconds: a server may announce people late."""
    here = asyncio.Event()

    def on_joined(participant: rtc.RemoteParticipant) -> None:
        if is_person(participant):
            here.set()

    room.on("participant_connected", on_joined)
    try:
        for participant in room.remote_participants.values():
            on_joined(participant)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await here.wait()
    finally:
        room.off("participant_connected", on_joined)


async def join_hosted(room: rtc.Room, url: str, token: str) -> None:
    """Join a room of the service, and subscribe to nothing but the sound of people. Raises `rtc.ConnectError`."""

    def on_published(publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and is_person(participant):
            publication.set_subscribed(True)

    room.on("track_published", on_published)
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            on_published(publication, participant)


def follow_people(room: rtc.Room, ears: RoomIO) -> None:
    """Listen to somebody else once the person who was listened to is gone; the framework would wait for ever.

    Whoever comes back under the same identity, as a page that reloads does, is heard again either way.
    """

    def listen_to_somebody(_: rtc.RemoteParticipant) -> None:
        heard, present = ears.linked_participant, room.remote_participants
        people = [person for person in present.values() if is_person(person)]
        if people and (heard is None or heard.identity not in present):
            ears.set_participant(people[0].identity)

    room.on("participant_connected", listen_to_somebody)
    room.on("participant_disconnected", listen_to_somebody)
