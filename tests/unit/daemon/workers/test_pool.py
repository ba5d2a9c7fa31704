"""The owner's side: whom an answer goes to, and that one log-in's fault ends nobody."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from netbilld.adapters.clock import SystemClock
from netbilld.daemon.workers.channel import Message, pack, pack_decision
from netbilld.daemon.workers.pool import WorkerPool
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
        self.said: list[Message] = []

    def send(self, message: Message) -> None:
        self.said.append(message)


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
    one = WorkerPool(["127.0.0.1"], 0, 1, None, SystemClock())
    yield one
    one.close()


def asked(number: int) -> Message:
    return {
        "say": "admit",
        "number": number,
        "name": "budi",
        "datagram": pack(access_request([(USER_NAME, b"budi")])),
        "source": list(SOURCE),
        "arrived_mono": 0.0,
        "decision": pack_decision(ACCEPT),
    }


def test_an_answer_that_comes_late_goes_to_the_process_that_asked_and_not_to_its_successor(pool: WorkerPool) -> None:
    """Both count their log-ins from 1: it would let in somebody else, with somebody else's address."""
    admission, before, after = Later(), Line(), Line()
    pool.serve(lambda: ClientTable((client(),)), Directory(), admission)  # type: ignore[arg-type]  # as much as is used
    worker = pool._workers[0]
    worker.channel = before  # type: ignore[assignment]
    pool._hear(worker, asked(1))
    worker.channel = after  # type: ignore[assignment]
    admission.answers[0](ACCEPT)
    assert after.said == []
    assert [message["number"] for message in before.said] == [1]


def test_a_log_in_that_can_not_be_decided_does_not_end_the_process_it_came_by(pool: WorkerPool) -> None:
    admission, line = Later(), Line()
    pool.serve(lambda: ClientTable((client(),)), Directory(), admission)  # type: ignore[arg-type]
    worker = pool._workers[0]
    worker.channel = line  # type: ignore[assignment]
    admission.fails = True
    pool._hear(worker, asked(1))
    admission.fails = False
    pool._hear(worker, asked(2))
    admission.answers[0](ACCEPT)
    assert [message["number"] for message in line.said] == [2]


def test_where_the_owner_does_not_know_the_nas_or_the_name_yet_nobody_is_let_in_without_limits(
    pool: WorkerPool,
) -> None:
    class Nobody:
        def find(self, name: bytes, now: datetime) -> None:
            del name, now

    line = Line()
    worker = pool._workers[0]
    worker.channel = line  # type: ignore[assignment]
    pool.serve(lambda: ClientTable(()), Directory(), Later())  # type: ignore[arg-type]
    pool._hear(worker, asked(1))
    pool.serve(lambda: ClientTable((client(),)), Nobody(), Later())  # type: ignore[arg-type]
    pool._hear(worker, asked(2))
    assert line.said == []
