"""Each check of explain() on its own: when it blocks, when it only warns, and what it does not know."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from netbilld.billing.hours import parse_hours
from netbilld.billing.plan import AfterAllowance, Timing
from netbilld.billing.standing import Standing, StandingKind
from netbilld.enforcement.explain import LINK_FRESH, START_WAIT, Check, CheckName, State, explain
from netbilld.enforcement.explain_facts import NasFact, PoolFact
from netbilld.enforcement.policy import ServiceFacts
from tests.builders.explained import (
    attempt,
    check_of,
    drop,
    facts,
    nas,
    order,
    service,
    service_that,
    session,
)
from tests.builders.plans import allowance, per_use, plan
from tests.builders.services import NOW, service_facts, used

OK, BLOCKING, WARNING, UNKNOWN = State.OK, State.BLOCKING, State.WARNING, State.UNKNOWN
MINE, ANOTHER = "48:8F:5A:00:00:01", "48:8F:5A:00:00:02"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def check(name: CheckName, **changes: Any) -> Check:
    return check_of(explain(facts(**changes)), name)


def judged(name: CheckName, **changes: Any) -> tuple[State, str]:
    found = check(name, **changes)
    return found.state, found.cause


# -- password ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "missing"), [("chap", "clear_text"), ("eap-md5", "clear_text"), ("mschapv2", "nt_hash")]
)
def test_what_is_missing_of_the_password_depends_on_the_method(method: str, missing: str) -> None:
    for reason in ("wrong_method_stored", "no_password"):
        found = check(CheckName.PASSWORD, attempts=(attempt(reason, method=method),))
        assert (found.cause, found.values["missing"]) == ("wrong_method_stored", missing)
    assert judged(CheckName.PASSWORD, attempts=(attempt("no_password", method="none"),)) == (
        BLOCKING,
        "no_password_sent",
    )


def test_a_refusal_of_before_the_password_or_the_name_was_changed_is_no_cause() -> None:
    changed = service(credential=replace(service().credential, password_changed_at=ago(30)))
    expected = (UNKNOWN, "password_changed_since")
    for seconds, found in ((30, expected), (29, (BLOCKING, "wrong_password"))):
        tried = attempt("wrong_password", at=ago(seconds))
        assert judged(CheckName.PASSWORD, service=changed, attempts=(tried,)) == found
    assert judged(CheckName.PASSWORD, attempts=(attempt("unknown_user"),)) == expected


def test_without_a_log_in_the_password_is_untried_or_right_for_whoever_is_online() -> None:
    assert judged(CheckName.PASSWORD) == (UNKNOWN, "password_untried")
    assert judged(CheckName.PASSWORD, sessions=(session(),)) == (OK, "password_ok")


# -- plan, money, quota ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid_until_on", "found"),
    [(date(2025, 3, 17), (OK, "plan_ok")), (date(2025, 3, 16), (BLOCKING, "expired")), (None, (BLOCKING, "expired"))],
)
def test_the_last_day_paid_for_is_paid_for(paid_until_on: date | None, found: tuple[State, str]) -> None:
    prepaid = service_that(plan=plan(timing=Timing.PREPAID), paid_until_on=paid_until_on)
    assert judged(CheckName.PLAN, service=prepaid) == found


def test_hours_block_outside_of_them_and_are_told_once_they_are_open_again() -> None:
    """NOW is a Monday at noon in Jakarta."""
    open_now = service_that(plan=plan(hours=parse_hours(["mon 08:00-17:00"])))
    closed = service_that(plan=plan(hours=parse_hours(["mon 13:00-17:00"])))
    refused = (attempt("outside_hours"),)
    assert judged(CheckName.PLAN, service=closed) == (BLOCKING, "outside_hours")
    assert judged(CheckName.PLAN, service=open_now, attempts=refused) == (WARNING, "hours_open_again")
    assert judged(CheckName.PLAN, service=open_now) == (OK, "plan_ok")


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (service_facts(), (OK, "money_ok")),
        (service_facts(standing=Standing(StandingKind.GRACE, 1, NOW)), (WARNING, "in_grace")),
        (service_facts(standing=Standing(StandingKind.OVERDUE, 1, None)), (BLOCKING, "overdue")),
        (service_facts(plan=per_use(), wallet_minor=0), (BLOCKING, "wallet_empty")),
        (service_facts(plan=per_use(), wallet_minor=1), (OK, "money_ok")),
    ],
)
def test_money(known: ServiceFacts, found: tuple[State, str]) -> None:
    assert judged(CheckName.MONEY, service=service(facts=known)) == found


@pytest.mark.parametrize(
    ("after", "octets", "start_on", "found"),
    [
        (AfterAllowance.WALL, 99, date(2025, 3, 10), (OK, "quota_ok")),
        (AfterAllowance.WALL, 100, date(2025, 3, 10), (BLOCKING, "quota_used_up")),
        (AfterAllowance.BLOCK, 100, date(2025, 3, 10), (BLOCKING, "quota_used_up")),
        (AfterAllowance.THROTTLE, 100, date(2025, 3, 10), (WARNING, "fair_use")),
        (AfterAllowance.WALL, 100, date(2025, 2, 10), (OK, "quota_ok")),
    ],
)
def test_a_quota_blocks_only_where_it_ends_the_session_and_in_its_own_period(
    after: AfterAllowance, octets: int, start_on: date, found: tuple[State, str]
) -> None:
    limited = service_that(plan=plan(allowance=allowance(after, 100)), usage=used(0, octets, start_on))
    assert judged(CheckName.QUOTA, service=limited) == found


# -- sessions, lock, pool ----------------------------------------------------------------------------------------------


def test_a_limit_that_a_log_in_of_a_moment_ago_reached_is_real() -> None:
    wait = START_WAIT.total_seconds()
    for seconds, found in (
        (wait, (BLOCKING, "session_limit")),
        (wait + 1, (WARNING, "session_limit_free_again")),
    ):
        assert judged(CheckName.SESSIONS, attempts=(attempt("session_limit", at=ago(seconds)),)) == found


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"mac": ANOTHER}, "session_limit"),
        ({"mac": None}, "session_limit"),
        ({"mac": MINE}, "session_limit_ghost"),
        ({"mac": ANOTHER, "state": "late"}, "session_limit_ghost"),
        ({"mac": ANOTHER, "updated_at": ago(450)}, "session_limit_ghost"),
    ],
)
def test_the_limit_is_held_by_a_ghost_where_no_other_device_is_alive(changes: dict[str, Any], cause: str) -> None:
    refused = (attempt("session_limit", mac=MINE),)
    assert judged(CheckName.SESSIONS, attempts=refused, sessions=(session(**changes),)) == (BLOCKING, cause)


def test_a_session_counts_as_online_only_while_it_is_live_and_reports() -> None:
    assert judged(CheckName.SESSIONS, sessions=(session(),)) == (OK, "session_live")
    for changes in ({"state": "late"}, {"state": "stale"}, {"updated_at": ago(450)}):
        assert judged(CheckName.SESSIONS, sessions=(session(**changes),)) == (WARNING, "session_silent")
        assert judged(CheckName.LINK, sessions=(session(**changes),)) == (WARNING, "session_silent")
    assert explain(facts(sessions=(session(updated_at=ago(449)),))).online is not None


def test_a_lock_is_mended_where_it_fits_now_but_a_station_is_not() -> None:
    locked = service(locks={"mac": frozenset((MINE, ANOTHER))})
    for mac, found in ((MINE, (WARNING, "lock_reset_since")), ("48:8F:5A:00:00:03", (BLOCKING, "mac_lock"))):
        assert judged(CheckName.LOCK, service=locked, attempts=(attempt("mac_lock", mac=mac),)) == found
    assert judged(CheckName.LOCK, attempts=(attempt("mac_mismatch"),)) == (BLOCKING, "mac_mismatch")
    assert judged(CheckName.LOCK, service=locked) == (OK, "locks_ok")
    assert judged(CheckName.LOCK) == (OK, "no_lock")


@pytest.mark.parametrize(
    ("reason", "in_use", "found"),
    [
        ("pool_full", 4, (BLOCKING, "pool_full")),
        ("pool_full", 3, (WARNING, "pool_free_again")),
        ("ok", 4, (WARNING, "pool_nearly_full")),
        ("ok", 3, (OK, "pool_ok")),
    ],
)
def test_a_pool(reason: str, in_use: int, found: tuple[State, str]) -> None:
    assert judged(CheckName.POOL, attempts=(attempt(reason),), pool=PoolFact("home", in_use, 4)) == found


# -- NAS ---------------------------------------------------------------------------------------------------------------


def test_a_nas_is_silent_after_so_long_unless_somebody_is_online_by_it() -> None:
    for seconds, found in ((900, (OK, "nas_ok")), (901, (BLOCKING, "nas_silent"))):
        assert judged(CheckName.NAS, nas=nas(last_heard_at=ago(seconds), last_attempt_at=None)) == found
    quiet = nas(last_heard_at=ago(901), last_attempt_at=None)
    assert judged(CheckName.NAS, nas=quiet, sessions=(session(),)) == (OK, "nas_ok")
    assert judged(CheckName.NAS, nas=replace(quiet, last_attempt_at=ago(1))) == (OK, "nas_ok")


def test_without_the_daemon_what_was_dropped_is_not_known() -> None:
    assert judged(CheckName.NAS, name_drops=None) == (OK, "nas_heard_daemon_away")
    assert judged(CheckName.NAS, name_drops=None, nas=None) == (UNKNOWN, "nas_not_known_daemon_away")
    assert judged(CheckName.NAS, nas=None) == (UNKNOWN, "nas_not_known")


def test_a_packet_of_this_name_that_was_dropped_counts_while_it_is_the_newest_word() -> None:
    dropped = (drop("bad_message_authenticator", 20),)
    tried = attempt("wrong_password", at=ago(30))
    assert judged(CheckName.NAS, attempts=(tried,), name_drops=dropped) == (BLOCKING, "wrong_nas_secret")
    assert judged(CheckName.PASSWORD, attempts=(tried,), name_drops=dropped) == (UNKNOWN, "password_untried")
    later = attempt("wrong_password", at=ago(10))
    assert judged(CheckName.NAS, attempts=(later,), name_drops=dropped) == (OK, "nas_ok")
    assert judged(CheckName.PASSWORD, attempts=(later,), name_drops=dropped) == (BLOCKING, "wrong_password")


def test_whoever_is_online_is_not_kept_out_by_an_address_of_no_nas_that_says_the_name() -> None:
    stranger = (drop("unknown_client", 5, nas=None),)
    assert judged(CheckName.NAS, name_drops=stranger) == (BLOCKING, "nas_address_unknown")
    assert judged(CheckName.NAS, name_drops=stranger, sessions=(session(),)) == (OK, "nas_ok")
    wrong_secret = (drop("bad_authenticator", 5),)
    assert judged(CheckName.NAS, name_drops=wrong_secret, sessions=(session(),)) == (BLOCKING, "wrong_nas_secret")


@pytest.mark.parametrize(
    ("reason", "seconds_ago", "known", "found"),
    [
        ("bad_authenticator", 60, {"last_heard_at": ago(65)}, (OK, "nas_ok")),  # on the way at the same moment
        ("bad_authenticator", 60, {"last_heard_at": ago(66)}, (BLOCKING, "wrong_nas_secret")),
        ("bad_authenticator", 60, {"last_heard_at": ago(66), "last_attempt_at": ago(1)}, (OK, "nas_ok")),
        ("bad_authenticator", 3600, {"last_heard_at": None}, (BLOCKING, "wrong_nas_secret")),
        ("bad_authenticator", 3601, {"last_heard_at": None}, (BLOCKING, "nas_never_heard")),
        # accounting needs none, so that it proves nothing of log-ins
        ("message_authenticator_missing", 60, {"last_heard_at": NOW}, (BLOCKING, "message_authenticator_missing")),
        ("message_authenticator_missing", 60, {"last_attempt_at": ago(1)}, (OK, "nas_ok")),
        ("unknown_client", 60, {"last_heard_at": None}, (BLOCKING, "nas_never_heard")),
        ("malformed", 60, {"last_heard_at": None}, (BLOCKING, "nas_never_heard")),
    ],
)
def test_what_the_nas_sent_unbelieved_counts_until_it_is_believed_again(
    reason: str, seconds_ago: float, known: dict[str, Any], found: tuple[State, str]
) -> None:
    heard = nas(**{"last_heard_at": ago(600), "last_attempt_at": None, **known})
    assert judged(CheckName.NAS, nas=heard, nas_drops=(drop(reason, seconds_ago),)) == found


def test_the_newest_of_several_drops_is_named_and_none_while_a_session_is_alive() -> None:
    both = (drop("bad_authenticator", 60), drop("message_authenticator_missing", 30), drop("bad_authenticator", 90))
    heard = nas(last_heard_at=ago(600), last_attempt_at=None)
    assert check(CheckName.NAS, nas=heard, nas_drops=both).cause == "message_authenticator_missing"
    assert judged(CheckName.NAS, nas=heard, nas_drops=both, sessions=(session(),)) == (OK, "nas_ok")


@pytest.mark.parametrize(
    ("known", "tried", "is_wrong_secret"),
    [
        ({"refused_names": 3}, {}, True),
        ({"refused_names": 2}, {}, False),
        ({"refused_names": 3, "accepted": 1}, {}, False),
        ({"refused_names": 3}, {"method": "chap"}, False),
        ({"refused_names": 3}, {"nas": "pop2"}, False),
        ({}, {"detail": "unreadable: 16 octets"}, True),
        ({}, {"reason": "malformed_credentials"}, False),
        ({"refused_names": 3}, {"reason": "malformed_credentials"}, True),
        ({"refused_names": 3}, {"reason": "too_many_tries"}, False),
    ],
)
def test_passwords_that_are_rubbish_by_pap_tell_of_a_wrong_secret(
    known: dict[str, Any], tried: dict[str, Any], is_wrong_secret: bool
) -> None:
    attempts = (attempt(**{"reason": "wrong_password", "method": "pap", **tried}),)
    found = judged(CheckName.NAS, nas=nas(**known), attempts=attempts)
    assert found == ((BLOCKING, "wrong_nas_secret") if is_wrong_secret else (OK, "nas_ok"))
    password = check(CheckName.PASSWORD, nas=nas(**known), attempts=attempts)
    assert (password.cause == "password_unreadable") is is_wrong_secret


def test_accounting_that_is_not_believed_beside_one_wrong_password_tells_of_a_wrong_secret_too() -> None:
    tried = (attempt("wrong_password", method="pap"),)
    known: NasFact = nas(last_heard_at=NOW)
    told = {"nas": known, "attempts": tried, "nas_drops": (drop("bad_authenticator", 60),)}
    assert judged(CheckName.NAS, **told) == (BLOCKING, "wrong_nas_secret")
    assert judged(CheckName.NAS, **{**told, "nas": replace(known, accepted=1)}) == (OK, "nas_ok")


# -- link, orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "seconds_ago", "found"),
    [
        ("wrong_password", LINK_FRESH.total_seconds(), (OK, "link_ok")),
        ("wrong_password", LINK_FRESH.total_seconds() + 1, (BLOCKING, "not_dialling")),
        ("ok", START_WAIT.total_seconds(), (OK, "just_accepted")),
        ("ok", START_WAIT.total_seconds() + 1, (BLOCKING, "accepted_without_session")),
        ("ok", LINK_FRESH.total_seconds() + 1, (BLOCKING, "not_dialling")),
    ],
)
def test_a_link_is_judged_by_the_newest_log_in(reason: str, seconds_ago: float, found: tuple[State, str]) -> None:
    assert judged(CheckName.LINK, attempts=(attempt(reason, at=ago(seconds_ago)),)) == found


def test_a_session_that_ended_soon_after_its_log_in_was_short() -> None:
    tried = (attempt("ok", at=ago(200)),)
    for began, found in ((205, (WARNING, "session_short")), (206, (BLOCKING, "accepted_without_session"))):
        ended = session(started_at=ago(began), stopped_at=ago(100), state="closed")
        assert judged(CheckName.LINK, attempts=tried, last_session=ended) == found


def test_a_link_is_not_known_while_the_nas_is_the_cause_and_nobody_dialled_is_said() -> None:
    assert judged(CheckName.LINK) == (BLOCKING, "never_dialled")
    assert judged(CheckName.LINK, nas=nas(in_service=False)) == (UNKNOWN, "link_hidden")
    assert judged(CheckName.LINK, service=None) == (UNKNOWN, "never_dialled")


@pytest.mark.parametrize(
    ("outcome", "pending", "seen", "found"),
    [
        ("nacked", False, "walled", (OK, "coa_ok")),
        ("sent", True, "walled", (WARNING, "coa_waiting")),
        ("nacked", True, "throttled", (WARNING, "coa_refused")),
        ("nacked", True, "walled", (BLOCKING, "coa_refused")),
    ],
)
def test_an_order_blocks_only_while_it_is_pending_and_keeps_who_has_paid_out(
    outcome: str, pending: bool, seen: str, found: tuple[State, str]
) -> None:
    told = {"sessions": (session(seen_access=seen),), "order": order(outcome, pending=pending)}
    assert judged(CheckName.COA, **told) == found
    overdue = service_that(standing=Standing(StandingKind.OVERDUE, 1, None))
    assert check(CheckName.COA, **told, service=overdue).state is not BLOCKING
    assert judged(CheckName.COA, order=order(outcome, pending=pending)) == (OK, "coa_ok")  # its session is over


def test_whoever_the_router_let_in_by_itself_is_online_with_a_warning() -> None:
    assert check(CheckName.LINK, sessions=(session(),)).state is OK
    found = check(CheckName.LINK, sessions=(session(is_local=True),))
    assert (found.state, found.cause) == (WARNING, "link_online_local")
