"""The people in the room: the agent listens to one at a time, by the newest microphone."""

import asyncio
import contextlib

from livekit import rtc
from livekit.agents.voice.room_io import RoomIO


def is_person(participant: rtc.Participant | None) -> bool:
    """Whether it is neither the avatar nor another agent: their voices must never count as the user's."""
    return participant is not None and participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD


async def wait_for_person(room: rtc.Room, within: float) -> None:
    """Return when a person is in the room, or after `within` seconds: a server may announce people late."""
    has_person = asyncio.Event()

    def on_connected(participant: rtc.RemoteParticipant) -> None:
        if is_person(participant):
            has_person.set()

    room.on("participant_connected", on_connected)
    try:
        for participant in room.remote_participants.values():
            on_connected(participant)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await has_person.wait()
    finally:
        room.off("participant_connected", on_connected)


async def join_hosted_room(room: rtc.Room, url: str, token: str) -> None:
    """Join a room of the service, and subscribe only to the microphones of people. Raises `rtc.ConnectError`."""

    def on_published(publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and is_person(participant):
            publication.set_subscribed(True)

    room.on("track_published", on_published)
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            on_published(publication, participant)


def link_next_person(room: rtc.Room, room_io: RoomIO) -> None:
    """Link another person when the linked one has left; the framework would wait for the same identity.

    A page that reloads keeps its identity, and is heard again either way.
    """

    def relink(_: rtc.RemoteParticipant) -> None:
        linked, present = room_io.linked_participant, room.remote_participants
        people = [person for person in present.values() if is_person(person)]
        if people and (linked is None or linked.identity not in present):
            room_io.set_participant(people[0].identity)

    room.on("participant_connected", relink)
    room.on("participant_disconnected", relink)
