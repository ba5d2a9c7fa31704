"""Several NAS behind one address: NAS-Identifier tells them apart, one secret signs for all of them."""

from dataclasses import replace
from uuid import UUID

import pytest

from netbilld.radius.attributes import ACCT_STATUS_TYPE, NAS_IDENTIFIER, USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.exchange import build_request
from netbilld.radius.server import Drop, DropReason, RadiusServer, Replay, Request
from tests.radius_requests import (
    AUTHENTICATOR,
    SECRET,
    SOURCE,
    Pairs,
    access_request,
    accounting_request,
    client,
    received,
    server,
)

LOGIN: Pairs = [(USER_NAME, b"nemo"), (USER_PASSWORD, bytes(16))]
START: Pairs = [(ACCT_STATUS_TYPE, b"\0\0\0\1"), (USER_NAME, b"nemo")]
HILL, PORT = UUID(int=1), UUID(int=2)


def neighbour(nas_id: UUID, name: str, told_by: str) -> Client:
    return replace(client("192.0.2.1/32", nas_id=nas_id, name=name), told_by=told_by.encode())


def two() -> tuple[Client, Client]:
    return neighbour(HILL, "hill", "RB-HILL"), neighbour(PORT, "port", "RB-PORT")


def named(identifier: bytes) -> tuple[int, bytes]:
    return NAS_IDENTIFIER, identifier


def dropped(radius: RadiusServer, datagram: bytes) -> Drop:
    outcome = radius.receive(datagram, SOURCE, 0.0)
    assert isinstance(outcome, Drop), outcome
    return outcome


def test_each_nas_behind_an_address_is_told_by_what_it_calls_itself() -> None:
    for identifier, nas_id in ((b"RB-HILL", HILL), (b"RB-PORT", PORT), (b"RB-PORT\0", PORT)):
        log_in = received(server("auth", *two()), access_request([*LOGIN, named(identifier)]))
        start = received(server("acct", *two()), accounting_request([*START, named(identifier)]))
        assert (log_in.client.nas_id, start.client.nas_id) == (nas_id, nas_id)
        assert log_in.client.neighbours is None


@pytest.mark.parametrize("more", [[], [named(b"RB-NEW")], [named(b"rb-hill")], [named(b"\xff\xfe")]])
def test_a_name_that_none_of_them_has_gets_a_silence_that_says_so(more: Pairs) -> None:
    for radius, datagram in (
        (server("auth", *two()), access_request([*LOGIN, *more])),
        (server("acct", *two()), accounting_request([*START, *more])),
    ):
        drop = dropped(radius, datagram)
        assert (drop.reason, drop.client) == (DropReason.UNKNOWN_IDENTIFIER, None)
        assert radius.drops[DropReason.UNKNOWN_IDENTIFIER] == 1
    assert drop.detail == {b"RB-NEW": "RB-NEW", b"rb-hill": "rb-hill", b"\xff\xfe": "\ufffd\ufffd"}.get(
        more[0][1] if more else b"", ""
    )


def test_a_wrong_secret_is_called_that_whatever_the_name() -> None:
    other = Secret(b"another secret")
    for name in (b"RB-HILL", b"RB-NEW"):
        log_in = dropped(server("auth", *two()), access_request([*LOGIN, named(name)], secret=other))
        start = dropped(server("acct", *two()), accounting_request([*START, named(name)], secret=other))
        assert log_in.reason is DropReason.BAD_MESSAGE_AUTHENTICATOR
        assert start.reason is DropReason.BAD_AUTHENTICATOR
        assert (None if log_in.client is None else log_in.client.name) == ("hill" if name == b"RB-HILL" else None)


def test_a_retransmission_is_answered_alike_and_for_the_right_one() -> None:
    radius = server("auth", *two())
    datagram = access_request([*LOGIN, named(b"RB-PORT")])
    reply = radius.respond(received(radius, datagram), int(Code.ACCESS_ACCEPT))
    replay = radius.receive(datagram, SOURCE, 0.1)
    assert isinstance(replay, Replay)
    assert (replay.reply, replay.client.nas_id) == (reply, PORT)


def test_what_one_of_them_was_seen_to_sign_is_not_asked_of_the_other() -> None:
    radius = server("auth", *two())
    received(radius, access_request([*LOGIN, named(b"RB-HILL")]))
    assert radius.take_learned() == {HILL}
    unsigned = access_request([*LOGIN, named(b"RB-HILL")], identifier=8, signed=False)
    assert dropped(radius, unsigned).reason is DropReason.MESSAGE_AUTHENTICATOR_MISSING
    received(radius, access_request([*LOGIN, named(b"RB-PORT")], identifier=9, signed=False))


def test_a_status_server_that_names_nobody_is_answered() -> None:
    asked = build_request(Code.STATUS_SERVER, 3, SECRET, b"", True, authenticator=AUTHENTICATOR)
    outcome = server("auth", *two()).receive(asked, SOURCE, 0.0)
    assert isinstance(outcome, Request)
    assert outcome.client.nas_id in {HILL, PORT}


def test_a_damaged_packet_is_nobodys() -> None:
    drop = dropped(server("auth", *two()), access_request(LOGIN)[:-1])
    assert (drop.reason, drop.client) == (DropReason.MALFORMED, None)


def test_alone_at_its_address_a_nas_may_call_itself_what_it_likes() -> None:
    alone = neighbour(HILL, "hill", "RB-HILL")
    assert received(server("auth", alone), access_request([*LOGIN, named(b"RB-NEW")])).client.nas_id == HILL


def test_a_table_lists_each_of_them_once() -> None:
    table = ClientTable([*two(), client("192.0.2.0/24", name="pop1")])
    assert [one.name for one in table] == ["hill", "port", "pop1"]
    found = table.find("192.0.2.1")
    assert found is not None
    assert {one.name for one in (found.neighbours or {}).values()} == {"hill", "port"}
    beside = table.find("192.0.2.2")
    assert beside is not None
    assert beside.neighbours is None
