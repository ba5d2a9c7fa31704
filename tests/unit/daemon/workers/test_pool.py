"""The owner's side: whom an answer goes to, and that one log-in's fault ends nobody."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.workers.channel import LogInAnswer, LogInQuestion
from netbilld.daemon.workers.pool import BUSY_SECONDS, WorkerPool
from netbilld.radius.access import AccessView, Decision, Reason
from netbilld.radius.attributes import USER_NAME
from netbilld.radius.clients import ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.services.authenticate import Answer
from tests.radius_requests import SOURCE, access_request, client

ACCEPT = Decision(int(Code.ACCESS_ACCEPT), b"", Reason.OK, "pap")


class Line:
    """A channel that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[LogInAnswer] = []

    def answer(self, answer: LogInAnswer) -> None:
        self.said.append(answer)


class Later:
    """Admission that answers when it is told to, or fails."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.fails = False

    def admit(self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer) -> None:
        del view, request, decision, now
        if self.fails:
            raise ValueError("of this log-in alone")
        self.answers.append(answer)


class Directory:
    def find(self, name: bytes, now: datetime) -> AccessView:
        del now
        return AccessView(name.decode(), "password", b"rahasia", b"", client().nas_id, {}, terms=AccessTerms())


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    one = WorkerPool(["127.0.0.1"], 0, 1, None, NodeClock())
    yield one
    one.close()


def asked(number: int) -> LogInQuestion:
    datagram = access_request([(USER_NAME, b"budi")])
    return LogInQuestion(number, "budi", datagram, (SOURCE[0], SOURCE[1]), 0.0, ACCEPT)


def test_an_answer_that_comes_late_goes_to_the_process_that_asked_and_not_to_its_successor(pool: WorkerPool) -> None:
    """Both count their log-ins from 1: it would let in somebody else, with somebody else's address."""
    admission, before, after = Later(), Line(), Line()
    pool.serve(lambda: ClientTable((client(),)), Directory(), admission)  # type: ignore[arg-type]  # as much as is used
    pool._admit(before, asked(1))  # type: ignore[arg-type]
    pool._admit(after, asked(1))  # type: ignore[arg-type]
    admission.answers[0](ACCEPT)
    assert after.said == []
    assert before.said == [LogInAnswer(1, ACCEPT)]


def test_a_log_in_that_can_not_be_decided_is_the_nass_to_ask_again(pool: WorkerPool) -> None:
    admission, line = Later(), Line()
    pool.serve(lambda: ClientTable((client(),)), Directory(), admission)  # type: ignore[arg-type]
    admission.fails = True
    with pytest.raises(ValueError, match="of this log-in alone"):
        pool._admit(line, asked(1))  # type: ignore[arg-type]  # the channel passes it by
    admission.fails = False
    pool._admit(line, asked(2))  # type: ignore[arg-type]
    admission.answers[0](ACCEPT)
    assert line.said == [LogInAnswer(1, None), LogInAnswer(2, ACCEPT)]


def test_where_the_owner_does_not_know_the_nas_or_the_name_yet_nobody_is_let_in_without_limits(
    pool: WorkerPool,
) -> None:
    class Nobody:
        def find(self, name: bytes, now: datetime) -> None:
            del name, now

    line = Line()
    pool.serve(lambda: ClientTable(()), Directory(), Later())  # type: ignore[arg-type]
    pool._admit(line, asked(1))  # type: ignore[arg-type]
    pool.serve(lambda: ClientTable((client(),)), Nobody(), Later())  # type: ignore[arg-type]
    pool._admit(line, asked(2))  # type: ignore[arg-type]
    assert line.said == [LogInAnswer(1, None), LogInAnswer(2, None)]


def test_a_worker_that_has_more_than_it_can_answer_says_so_for_a_while(pool: WorkerPool) -> None:
    now = 100.0
    pool._clock.monotonic = lambda: now  # type: ignore[method-assign]
    assert not pool.log_ins_wait()
    pool._hear(pool._workers[0], {"say": "busy"})
    assert pool.log_ins_wait()
    now += BUSY_SECONDS
    assert not pool.log_ins_wait()
