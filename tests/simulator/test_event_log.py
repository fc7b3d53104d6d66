"""The simulator's event log."""

import asyncio

from simulator.event_log import KEPT, EventLog


async def test_since_returns_later_entries_and_filters_by_session() -> None:
    log = EventLog()
    log.record("a", "in", "data", "first")
    log.record("b", "out", "data", "second")
    log.record("a", "note", "session", "third")

    assert [entry.name for entry in log.since(1)] == ["second", "third"]
    assert [entry.name for entry in log.since(0, "a")] == ["first", "third"]
    assert log.since(3) == []
    assert log.last == 3


async def test_the_log_drops_the_oldest_entries() -> None:
    log = EventLog()
    for number in range(KEPT + 10):
        log.record(None, "note", "session", str(number))

    kept = log.since()

    assert len(kept) == KEPT
    assert (kept[0].number, kept[-1].number) == (11, KEPT + 10)
    assert [entry.number for entry in log.since(KEPT + 8)] == [KEPT + 9, KEPT + 10]


async def test_a_new_entry_wakes_all_waiting_readers() -> None:
    log = EventLog()
    waiting = [asyncio.create_task(log.beyond(0)) for _ in range(3)]
    await asyncio.sleep(0)

    log.record(None, "note", "session", "news")

    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_closing_wakes_waiting_readers() -> None:
    log = EventLog()
    waiting = asyncio.create_task(log.beyond(7))
    await asyncio.sleep(0)

    log.close()

    await asyncio.wait_for(waiting, 1)
    await log.beyond(7)


async def test_the_latest_condition_of_each_name_outlives_dropped_entries() -> None:
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
