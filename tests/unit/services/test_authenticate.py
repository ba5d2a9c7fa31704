"""Who may log in, from memory: the directory follows what is due, and every attempt is noted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan import Timing
from netbilld.enforcement.policy import ServiceStatus, entitlement
from netbilld.radius.attributes import (
    ACCT_INTERIM_INTERVAL,
    CLASS,
    FRAMED_IP_ADDRESS,
    FRAMED_POOL,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_RATE_LIMIT,
    REPLY_MESSAGE,
    WISPR_BANDWIDTH_MAX_DOWN,
)
from netbilld.radius.codes import Code
from netbilld.radius.grant import Grant, decode_grant
from netbilld.radius.mschap import nt_hash
from netbilld.services.access_directory import SealedCredential, open_credential
from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt
from tests.builders.log_in_desk import HOME, Desk, attributes, credential, facts
from tests.builders.services import GARDEN, NOW, OVERDUE, used
from tests.radius_requests import NAS_ID


def test_an_active_service_is_let_in_with_its_rate_and_a_class_that_names_the_grant() -> None:
    desk = Desk()
    desk.serve(facts())
    decision = desk.log_in()
    reply = attributes(decision)
    assert (decision.code, decision.reason) == (Code.ACCESS_ACCEPT, "ok")
    assert reply.get(MIKROTIK_RATE_LIMIT) == b"5M/20M"
    assert reply.get(ACCT_INTERIM_INTERVAL) == (300).to_bytes(4, "big")
    key = entitlement(facts(), GARDEN, NOW).profile.key
    assert decode_grant(reply.get(CLASS) or b"") == Grant(facts().service_id, "active", key)


def test_a_throttled_service_is_let_in_at_the_slower_speed() -> None:
    desk = Desk()
    desk.serve(facts(usage=used(50, 50)))
    assert attributes(desk.log_in()).get(MIKROTIK_RATE_LIMIT) == b"1M/2M"


def test_a_walled_service_is_let_into_the_garden_without_its_static_address() -> None:
    """BANG-2.6: isolir."""
    desk = Desk()
    desk.serve(facts(standing=OVERDUE, static_ip="10.0.0.9"))
    reply = attributes(desk.log_in())
    assert reply.code == Code.ACCESS_ACCEPT
    assert reply.get(FRAMED_POOL) == b"isolir"
    assert reply.get(MIKROTIK_ADDRESS_LIST) == b"isolir-list"
    assert reply.get(FRAMED_IP_ADDRESS) is None


@pytest.mark.parametrize(
    ("locale", "words"), [("id", "Layanan dihentikan sementara"), ("en", "This service is suspended")]
)
def test_a_blocked_service_is_refused_with_a_message_in_the_locale(locale: str, words: str) -> None:
    desk = Desk(locale)
    desk.serve(facts(status=ServiceStatus.SUSPENDED))
    decision = desk.log_in()
    assert (decision.code, decision.reason) == (Code.ACCESS_REJECT, "suspended")
    assert (attributes(decision).get(REPLY_MESSAGE) or b"").decode().startswith(words)


def test_a_blocked_service_says_so_only_to_the_right_password() -> None:
    desk = Desk()
    desk.serve(facts(status=ServiceStatus.SUSPENDED))
    assert desk.log_in(password=b"wrong").attributes == desk.log_in(b"nobody").attributes == b""


def test_each_vendor_gets_its_own_words_and_an_unknown_one_the_rfcs() -> None:
    desk = Desk()
    desk.serve(facts(static_ip="10.0.0.9"))
    wispr = attributes(desk.log_in(vendor="wispr"))
    assert int.from_bytes(wispr.get(WISPR_BANDWIDTH_MAX_DOWN) or b"") == 20_000_000
    assert wispr.get(MIKROTIK_RATE_LIMIT) is None
    plain = attributes(desk.log_in(vendor="brand-new"))
    assert plain.get(FRAMED_IP_ADDRESS) == bytes((10, 0, 0, 9))
    assert plain.get(CLASS) is not None


def test_what_is_due_next_is_answered_with_at_once() -> None:
    desk = Desk()
    desk.serve(facts())
    desk.put(facts(standing=OVERDUE))
    assert attributes(desk.log_in()).get(FRAMED_POOL) == b"isolir"
    desk.put(facts(status=ServiceStatus.ENDED))
    assert desk.log_in().reason == "terminated"
    desk.put(facts())
    assert attributes(desk.log_in()).get(MIKROTIK_RATE_LIMIT) == b"5M/20M"


def test_time_alone_changes_the_answer_without_anybody_telling() -> None:
    desk = Desk()
    desk.serve(facts(usage=used(50, 50)))
    reset_at = datetime(2025, 4, 9, 17, tzinfo=UTC)
    assert attributes(desk.log_in(at=reset_at - timedelta(seconds=1))).get(MIKROTIK_RATE_LIMIT) == b"1M/2M"
    assert attributes(desk.log_in(at=reset_at)).get(MIKROTIK_RATE_LIMIT) == b"5M/20M"


def test_a_prepaid_period_that_runs_out_walls_the_next_log_in() -> None:
    desk = Desk()
    prepaid = replace(HOME, timing=Timing.PREPAID, allowance=None)
    desk.serve(facts(plan=prepaid, paid_until_on=date(2025, 3, 17)))
    assert desk.log_in().code == Code.ACCESS_ACCEPT
    assert attributes(desk.log_in(at=NOW + timedelta(hours=12))).get(FRAMED_POOL) == b"isolir"


def test_a_service_with_several_names_answers_to_each_and_forgets_those_taken_away() -> None:
    desk = Desk()
    desk.serve(facts(), credential("Budi"), credential("Rumah-Budi"))
    assert desk.log_in(b"RUMAH-BUDI").code == Code.ACCESS_ACCEPT
    desk.directory.set_credentials(facts().service_id, (credential("Budi", b"baru"),))
    assert desk.log_in(b"rumah-budi").reason == "unknown_user"
    assert desk.log_in(b"budi").reason == "wrong_password"
    assert desk.log_in(b"budi", b"baru").code == Code.ACCESS_ACCEPT
    desk.directory.remove(facts().service_id)
    assert desk.log_in(b"budi", b"baru").reason == "unknown_user"
    assert len(desk.directory) == 0


def test_a_name_that_moves_to_another_service_is_not_lost_when_the_first_one_changes() -> None:
    desk = Desk()
    first, second = facts(uuid4()), facts(uuid4(), status=ServiceStatus.SUSPENDED)
    desk.serve(first, credential("budi"))
    desk.serve(second, credential("budi"))
    desk.directory.set_credentials(first.service_id, ())
    desk.put(first)
    assert desk.log_in().reason == "suspended"
    desk.directory.remove(first.service_id)
    assert desk.log_in().reason == "suspended"


def test_credentials_of_a_service_nobody_knows_open_nothing() -> None:
    desk = Desk()
    desk.directory.set_credentials(uuid4(), (credential(),))
    assert desk.log_in().reason == "unknown_user"


def test_every_attempt_is_noted_with_its_reason_and_latency() -> None:
    desk = Desk()
    desk.serve(facts())
    desk.log_in()
    desk.log_in(password=b"salah")
    desk.log_in(b"siapa")
    noted = desk.attempts.take(10)
    assert [(attempt.user_name, attempt.result, attempt.reason) for attempt in noted] == [
        (b"budi", "accept", "ok"),
        (b"budi", "reject", "wrong_password"),
        (b"siapa", "reject", "unknown_user"),
    ]
    assert noted[0] == LoginAttempt(NOW, NAS_ID, b"budi", facts().service_id, "pap", "accept", "ok", 250)
    assert noted[2].service_id is None
    assert (desk.authenticate.accepts, desk.authenticate.rejects) == (1, 2)


def attempt(number: int) -> LoginAttempt:
    return LoginAttempt(NOW, NAS_ID, b"%d" % number, None, "pap", "reject", "unknown_user", 1)


def test_the_buffer_is_bounded_and_counts_what_it_lost() -> None:
    buffer = AttemptBuffer(limit=3)
    for number in range(5):
        buffer.append(attempt(number))
    assert (len(buffer), buffer.lost) == (3, 2)
    assert [kept.user_name for kept in buffer.take(10)] == [b"2", b"3", b"4"]


def test_what_could_not_be_written_goes_back_in_order_as_far_as_there_is_room() -> None:
    buffer = AttemptBuffer(limit=3)
    for number in range(3):
        buffer.append(attempt(number))
    batch = buffer.take(3)
    buffer.append(attempt(3))
    buffer.put_back(batch)
    assert [kept.user_name for kept in buffer.take(10)] == [b"1", b"2", b"3"]
    assert buffer.lost == 1


def test_secrets_are_opened_only_at_the_place_they_were_sealed_for(box: SecretBox) -> None:
    credential_id = uuid4()
    sealed = SealedCredential(
        credential_id,
        uuid4(),
        "password",
        "Budi",
        "budi",
        box.seal(b"rahasia", f"credential.password:{credential_id}"),
        box.seal(nt_hash(b"rahasia"), f"credential.nt_hash:{credential_id}"),
    )
    opened = open_credential(sealed, box)
    assert (opened.key, opened.password, opened.nt_hash) == (b"budi", b"rahasia", nt_hash(b"rahasia"))
    assert open_credential(replace(sealed, nt_hash_sealed=None), box).nt_hash == nt_hash(b"rahasia")
    assert "rahasia" not in repr(opened) + repr(sealed)


@pytest.mark.parametrize("password", [None, b""])
def test_an_empty_password_that_was_taken_over_is_none(box: SecretBox, password: bytes | None) -> None:
    """Of an empty password everybody knows the hash."""
    credential_id = uuid4()
    sealed = SealedCredential(
        credential_id,
        uuid4(),
        "password",
        "Budi",
        "budi",
        None if password is None else box.seal(password, f"credential.password:{credential_id}"),
        box.seal(nt_hash(b""), f"credential.nt_hash:{credential_id}"),
    )
    opened = open_credential(sealed, box)
    assert (opened.password, opened.nt_hash) == (b"", b"")
