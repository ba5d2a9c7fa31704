"""What passes between the daemon and its workers arrives as it was sent."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from netbilld.daemon.workers.channel import Channel, LogInAnswer, LogInQuestion, Message
from netbilld.radius.access import Decision, Reason

ACCEPT = Decision(2, bytes(range(256)), Reason.OK, "mschapv2")
REFUSAL = Decision(3, b"", Reason.SESSION_LIMIT, "pap", "1 of 1 taken: di rumah — 2 h ago")


@asynccontextmanager
async def both_ends() -> AsyncIterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    here, there = await Channel.over(one), await Channel.over(other)
    yield here, there
    here.close()
    there.close()


def question(number: int, name: str = "budi", decision: Decision = ACCEPT) -> LogInQuestion:
    return LogInQuestion(number, name, bytes(4096), ("2001:db8::1", 65_535), 12.5, decision)


async def heard(channel: Channel, messages: int) -> list[Message]:
    found = []
    async with asyncio.timeout(10):
        async for message in channel.messages():
            found.append(message)
            if len(found) == messages:
                break
    return found


async def test_questions_answers_and_all_else_arrive_whole_and_in_order() -> None:
    async with both_ends() as (here, there):
        got: list[object] = []
        there.on_question, there.on_answer = got.append, got.append
        said: list[LogInQuestion | LogInAnswer] = [
            question(1),
            question(2, "nama \udcff sulit", REFUSAL),
            LogInAnswer(2**40, REFUSAL),
            LogInAnswer(4, None),
        ]
        for each in said:
            if isinstance(each, LogInQuestion):
                here.ask(each)
            else:
                here.answer(each)
        here.send({"say": "count", "text": "x" * 1_000_000})
        here.send({"say": "last"})
        assert [message["say"] for message in await heard(there, 2)] == ["count", "last"]
        assert got == said


async def test_thousands_at_once_leave_turns_to_the_rest_of_the_loop() -> None:
    async with both_ends() as (here, there):
        numbers: list[int] = []
        turns: list[int] = []
        there.on_question = lambda asked: numbers.append(asked.number)

        async def others() -> None:
            while True:
                turns.append(len(numbers))
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        for number in range(1_000):
            here.ask(question(number))
        here.send({"say": "last"})
        await heard(there, 1)
        task.cancel()
        assert numbers == list(range(1_000))
        assert max(later - before for before, later in pairwise(turns)) <= 128


async def test_a_log_in_that_fails_is_nobody_elses_fault(caplog: pytest.LogCaptureFixture) -> None:
    async with both_ends() as (here, there):
        numbers: list[int] = []

        def fails_once(asked: LogInQuestion) -> None:
            numbers.append(asked.number)
            if asked.number == 1:
                raise ValueError("a reply that can't be encoded")

        there.on_question = fails_once
        for number in (1, 2):
            here.ask(question(number))
        here.send({"say": "last"})
        await heard(there, 1)
        assert numbers == [1, 2]
        assert "could not be decided" in caplog.text


async def test_the_end_of_the_other_end_ends_it_and_what_was_said_before_arrives() -> None:
    async with both_ends() as (here, there):
        here.send({"say": "last"})
        here.close()
        async with asyncio.timeout(10):
            assert [message async for message in there.messages()] == [{"say": "last"}]
