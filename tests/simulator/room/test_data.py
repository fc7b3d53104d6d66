"""Data packets through the room server: messages, RPC and streams, with the official Python client."""

import asyncio

import pytest
from livekit import api, rtc
from livekit.protocol import models as M

from rigs.rooms.room_rig import (
    PATIENCE,
    Events,
    RoomRig,
    acquainted,
    embedded_only,
    until,
)

pytestmark = pytest.mark.rooms


@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_messages_arrive_both_ways_with_their_topic_and_sender(rig: RoomRig, single: bool) -> None:
    alice, bob = await rig.join("alice", single), await rig.join("bob", single)
    at_alice, at_bob = Events(alice, "data_received"), Events(bob, "data_received")
    await acquainted(alice, bob)

    await alice.local_participant.publish_data("hello", topic="greeting")
    (heard,) = await at_bob.first("data_received")
    await bob.local_participant.publish_data("hello yourself", topic="greeting")
    (answer,) = await at_alice.first("data_received")

    assert (heard.data, heard.topic, heard.participant.identity) == (b"hello", "greeting", "alice")
    assert (answer.data, answer.topic, answer.participant.identity) == (b"hello yourself", "greeting", "bob")


@pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])
async def test_lossy_messages_arrive_too(rig: RoomRig, single: bool) -> None:
    alice, bob = await rig.join("alice", single), await rig.join("bob", single)
    at_bob = Events(bob, "data_received")

    async def arrived() -> bool:  # packets sent before the channel is open are lost
        await alice.local_participant.publish_data("look", reliable=False)
        return at_bob.names() != []

    await until(arrived)

    (packet,) = await at_bob.first("data_received")
    assert (packet.data, packet.kind) == (b"look", rtc.DataPacketKind.KIND_LOSSY)


async def test_a_message_for_one_participant_reaches_no_other(rig: RoomRig) -> None:
    alice, bob, carol = [await rig.join(name) for name in ("alice", "bob", "carol")]
    at_bob, at_carol = Events(bob, "data_received"), Events(carol, "data_received")

    await alice.local_participant.publish_data("secret", destination_identities=["bob"])
    await alice.local_participant.publish_data("public")

    (secret,) = await at_bob.first("data_received")
    (public,) = await at_carol.first("data_received")
    assert secret.data == b"secret"
    assert public.data == b"public"
    assert at_carol.names() == ["data_received"]


async def test_reliable_messages_arrive_complete_and_in_order(rig: RoomRig) -> None:
    alice, bob = await rig.join("alice"), await rig.join("bob")
    received: list[bytes] = []
    complete = asyncio.Event()

    @bob.on("data_received")
    def take(packet: rtc.DataPacket) -> None:
        received.append(packet.data)
        if len(received) == 200:
            complete.set()

    for number in range(200):
        await alice.local_participant.publish_data(f"{number}".ljust(1000, "."))
    await asyncio.wait_for(complete.wait(), PATIENCE)

    assert [int(message.rstrip(b".")) for message in received] == list(range(200))


async def test_a_remote_procedure_is_called_and_answers(rig: RoomRig) -> None:
    alice, bob = await rig.join("alice"), await rig.join("bob", single=True)

    # livekit declares the decorator for no handler at all.
    @bob.local_participant.register_rpc_method("reverse")  # type: ignore[arg-type]
    async def reverse(call: rtc.RpcInvocationData) -> str:
        return f"{call.caller_identity}: {call.payload[::-1]}"

    answer = await alice.local_participant.perform_rpc(
        destination_identity="bob", method="reverse", payload="abc"
    )

    assert answer == "alice: cba"


async def test_text_and_byte_streams_arrive_whole(rig: RoomRig) -> None:
    alice, bob = await rig.join("alice"), await rig.join("bob")
    loop = asyncio.get_running_loop()
    text, blob = loop.create_future(), loop.create_future()
    reading: list[asyncio.Task[None]] = []

    async def read_text(reader: rtc.TextStreamReader) -> None:
        text.set_result(await reader.read_all())

    async def read_bytes(reader: rtc.ByteStreamReader) -> None:
        blob.set_result(b"".join([chunk async for chunk in reader]))

    bob.register_text_stream_handler(
        "notes", lambda reader, _: reading.append(loop.create_task(read_text(reader)))
    )
    bob.register_byte_stream_handler(
        "files", lambda reader, _: reading.append(loop.create_task(read_bytes(reader)))
    )

    await alice.local_participant.send_text("ein langer Text " * 5000, topic="notes")
    writer = await alice.local_participant.stream_bytes("file", topic="files")
    await writer.write(bytes(range(256)) * 1000)
    await writer.aclose()

    assert await asyncio.wait_for(text, PATIENCE) == "ein langer Text " * 5000
    assert await asyncio.wait_for(blob, PATIENCE) == bytes(range(256)) * 1000


async def test_a_participant_that_joins_again_is_heard_again(rig: RoomRig) -> None:
    """Clients drop reliable packets whose sequence number does not grow for the same participant sid."""
    bob = await rig.join("bob")
    first = await rig.join("alice")
    await acquainted(first, bob)
    for number in range(5):
        await first.local_participant.publish_data(f"before {number}")
    before = Events(bob, "data_received", "participant_disconnected")
    await first.disconnect()
    await before.first("participant_disconnected")

    again = await rig.join("alice")
    at_bob = Events(bob, "data_received")
    await again.local_participant.publish_data("after")

    (packet,) = await at_bob.first("data_received")
    assert packet.data == b"after"


async def test_data_of_the_service_has_no_sender(rig: RoomRig) -> None:
    alice, bob = await rig.join("alice"), await rig.join("bob")
    at_alice, at_bob = Events(alice, "data_received"), Events(bob, "data_received")

    for text, identities in (("to alice", ["alice"]), ("to all", [])):
        await rig.service.send_data(
            api.SendDataRequest(
                room=rig.room,
                data=text.encode(),
                kind=M.DataPacket.Kind.RELIABLE,
                topic="news",
                destination_identities=identities,
            )
        )

    (private,) = await at_alice.first("data_received")
    (public,) = await at_bob.first("data_received")
    assert (private.data, private.topic, private.participant) == (b"to alice", "news", None)
    assert public.data == b"to all"


async def test_a_packet_too_large_for_a_client_is_dropped_for_it_alone(rig: RoomRig) -> None:
    alice = await rig.join("alice")
    events = Events(alice, "data_received", "disconnected")
    call = api.SendDataRequest(room=rig.room, kind=M.DataPacket.Kind.RELIABLE)

    for payload in (bytes(700_000), b"small"):
        call.data = payload
        await rig.service.send_data(call)

    (packet,) = await events.first("data_received")
    assert packet.data == b"small"
    assert "disconnected" not in events.names()


@embedded_only("livekit-server drops what comes for who is not there yet")
async def test_a_packet_too_large_for_a_client_that_still_joins_is_dropped_for_it_alone(rig: RoomRig) -> None:
    alice = rtc.Room()
    events = Events(alice, "data_received", "disconnected")
    call = api.SendDataRequest(room=rig.room, kind=M.DataPacket.Kind.RELIABLE)
    joining = asyncio.create_task(alice.connect(rig.url, rig.token("alice"), rtc.RoomOptions()))

    async def alice_is_inside() -> bool:
        return await rig.inside() == ["alice"]

    await until(alice_is_inside)

    for payload in (bytes(700_000), b"small"):
        call.data = payload
        await rig.service.send_data(call)
    await joining

    (packet,) = await events.first("data_received")
    assert packet.data == b"small"
    assert "disconnected" not in events.names()
    await alice.disconnect()


@pytest.mark.parametrize(("kind", "told"), [("agent", "carol"), ("standard", "alice")])
async def test_only_an_agent_may_send_text_on_behalf_of_another_participant(
    rig: RoomRig, kind: str, told: str
) -> None:
    alice, bob = rtc.Room(), await rig.join("bob")
    arrived: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()

    async def read(reader: rtc.TextStreamReader, identity: str) -> None:
        arrived.set_result((identity, await reader.read_all()))

    reading: list[asyncio.Task[None]] = []
    bob.register_text_stream_handler(
        "said", lambda reader, identity: reading.append(asyncio.create_task(read(reader, identity)))
    )
    await alice.connect(rig.url, rig.token("alice", kind))
    try:
        writer = await alice.local_participant.stream_text(topic="said", sender_identity="carol")
        await writer.write("hello")
        await writer.aclose()

        async with asyncio.timeout(PATIENCE):
            assert await arrived == (told, "hello")
    finally:
        await alice.disconnect()
