"""What the simulator remembers of the wires."""

import asyncio

from simulator.event_log import KEPT, EventLog


async def test_entries_are_told_from_a_number_on_and_of_one_session() -> None:
    log = EventLog()
    log.record("a", "in", "data", "first")
    log.record("b", "out", "data", "second")
    log.record("a", "note", "session", "third")

    assert [entry.name for entry in log.since(1)] == ["second", "third"]
    assert [entry.name for entry in log.since(0, "a")] == ["first", "third"]
    assert log.since(3) == []
    assert log.last == 3


async def test_it_forgets_the_oldest() -> None:
    log = EventLog()
    for number in range(KEPT + 10):
        log.record(None, "note", "session", str(number))

    kept = log.since()

    assert len(kept) == KEPT
    assert (kept[0].number, kept[-1].number) == (11, KEPT + 10)
    assert [entry.number for entry in log.since(KEPT + 8)] == [KEPT + 9, KEPT + 10]


async def test_everybody_who_waits_hears_of_news() -> None:
    log = EventLog()
    waiting = [asyncio.create_task(log.beyond(0)) for _ in range(3)]
    await asyncio.sleep(0)

    log.record(None, "note", "session", "news")

    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_closing_lets_everybody_go() -> None:
    log = EventLog()
    waiting = asyncio.create_task(log.beyond(7))
    await asyncio.sleep(0)

    log.close()

    await asyncio.wait_for(waiting, 1)
    await log.beyond(7)


async def test_conditions_are_the_latest_of_each_name_however_long_ago() -> None:
    log = EventLog()
    log.record("a", "note", "worker", "condition", {"name": "speech_in", "ok": False, "why": "no model"})
    log.record("b", "note", "worker", "condition", {"name": "llm", "ok": True})
    log.record("b", "note", "worker", "condition", {"name": "speech_in", "ok": True})
    for _ in range(KEPT):
        log.record(None, "note", "session", "chatter")

    assert [(entry.message["name"], entry.message["ok"]) for entry in log.conditions()] == [
        ("llm", True),
        ("speech_in", True),
    ]
