"""What nodes tell each other: nothing that waits to be told gets lost unseen."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from netbilld.daemon.node_news import EVERYBODY, MAX_WAITING, Topic
from netbilld.daemon.nodes import Nodes


class Wire:
    """What a topic is told by: fails after so many notices, then works."""

    def __init__(self, works_for: int = 1_000_000) -> None:
        self.works_for = works_for
        self.words: list[str] = []

    async def execute(self, _query: str, _channel: str, payload: str) -> None:
        if self.works_for == 0:
            raise ConnectionResetError
        self.works_for -= 1
        self.words += payload.split(",")


def topic(doubts: list[str], taken: list[str] | None = None) -> Topic:
    async def take(words: list[str]) -> None:
        if taken is not None:
            taken.extend(words)

    one = Topic("due", take, asyncio.Event(), asyncio.Event())
    one.on_loss = lambda: doubts.append("everybody")
    return one


async def test_what_could_not_be_told_is_told_by_the_next_connection() -> None:
    """More than one notice of words: the first is out, the rest and what came since are not."""
    one, broken, words = topic([]), Wire(works_for=1), [UUID(int=number).hex for number in range(500)]
    one.tell(words)
    with pytest.raises(ConnectionResetError):
        await one.send(broken)
    assert 0 < len(broken.words) < len(words)
    assert one.told == len(broken.words)
    one.tell(["later"])
    whole = Wire()
    await one.send(whole)
    assert [*broken.words, *whole.words] == [*words, "later"]
    assert one.told == len(words) + 1


async def test_where_too_many_wait_to_be_told_the_others_look_at_everybody_and_not_the_teller() -> None:
    own_doubts: list[str] = []
    teller, wire = topic(own_doubts), Wire()
    teller.tell(range(MAX_WAITING + 1))
    await teller.send(wire)
    assert own_doubts == []
    assert teller.lost == 1
    doubts: list[str] = []
    taken: list[str] = []
    hearer = topic(doubts, taken)
    hearer.receive(wire.words[:10])
    assert doubts == []
    hearer.receive(wire.words[-10:])
    await hearer.take()
    assert doubts == ["everybody"]
    assert EVERYBODY not in taken
    assert len(taken) == 19


async def test_where_too_many_are_heard_everybody_is_looked_at() -> None:
    doubts: list[str] = []
    one = topic(doubts)
    one.receive(map(str, range(MAX_WAITING)))
    one.receive(["0"])  # is there already
    assert doubts == []
    one.receive(["one more"])
    assert doubts == ["everybody"]


async def test_who_has_just_come_and_is_not_yet_seen_is_told_what_is_due() -> None:
    wire = Wire()
    nodes = Nodes.__new__(Nodes)
    nodes.told_due = lambda _service_ids: None
    nodes._there = dict[UUID, datetime]()
    nodes._due = topic([])
    nodes.due_changed([UUID(int=7)])
    nodes._there = {UUID(int=1): datetime(2026, 3, 1, tzinfo=UTC)}
    nodes.due_changed([UUID(int=8)])
    await nodes._due.send(wire)
    assert wire.words == [UUID(int=7).hex, UUID(int=8).hex]
