"""explain(): facts in, ordered checks out; the causes with their rows are in tests/integration/test_explain.py."""

from datetime import timedelta

import pytest

from netbilld.enforcement.explain import CheckName, State, explain
from netbilld.enforcement.policy import ServiceStatus
from tests.builders.explained import attempt, facts, first, nas, order, service, service_that, session
from tests.builders.services import NOW


@pytest.mark.parametrize(
    ("reason", "check", "cause"),
    [
        ("wrong_password", CheckName.PASSWORD, "wrong_password"),
        ("wrong_method_stored", CheckName.PASSWORD, "wrong_method_stored"),
        ("method_not_supported", CheckName.PASSWORD, "method_not_supported"),
        ("malformed_credentials", CheckName.PASSWORD, "malformed_credentials"),
        ("router_login", CheckName.PASSWORD, "router_login"),
        ("too_many_tries", CheckName.PASSWORD, "too_many_tries"),
        ("eap_failed", CheckName.PASSWORD, "eap_failed"),
        ("certificate_refused", CheckName.PASSWORD, "certificate_refused"),
        ("no_common_method", CheckName.PASSWORD, "no_common_method"),
        ("a_reason_of_tomorrow", CheckName.PASSWORD, "refused_otherwise"),
        ("mac_mismatch", CheckName.LOCK, "mac_mismatch"),
        ("pool_unavailable", CheckName.POOL, "pool_unavailable"),
    ],
)
def test_a_reason_of_the_log_names_its_cause(reason: str, check: CheckName, cause: str) -> None:
    assert first(explain(facts(attempts=(attempt(reason),)))) == (check, cause)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("mac_lock", "mac"), ("vlan_lock", "vlan"), ("port_lock", "nas_port"), ("nas_not_allowed", "nas")],
)
def test_a_lock_blocks_until_it_is_reset(reason: str, kind: str) -> None:
    locked = service(locks={kind: frozenset(("another",))})
    assert first(explain(facts(service=locked, attempts=(attempt(reason),)))) == (CheckName.LOCK, reason)
    after = explain(facts(attempts=(attempt(reason),)))
    assert after.first is None
    assert after.verdict == "warning"


def test_the_first_of_several_causes_is_the_one_named() -> None:
    suspended = service_that(status=ServiceStatus.SUSPENDED)
    explained = explain(facts(service=suspended, attempts=(attempt("wrong_password"),)))
    assert first(explained) == (CheckName.ACCOUNT, "suspended")
    blocking = [check.name for check in explained.checks if check.state is State.BLOCKING]
    assert blocking == [CheckName.ACCOUNT, CheckName.PASSWORD]


def test_a_wrong_password_while_another_device_is_online_is_a_warning() -> None:
    before, after = NOW - timedelta(hours=2), NOW - timedelta(seconds=30)  # the session began an hour ago
    for at in (before, after):
        explained = explain(facts(attempts=(attempt("wrong_password", at=at),), sessions=(session(),)))
        assert explained.first is None
        assert explained.verdict == "online"


def test_a_session_whose_report_is_overdue_is_not_online() -> None:
    explained = explain(facts(sessions=(session(updated_at=NOW - timedelta(seconds=460)),)))
    assert explained.online is None
    assert explained.first is None  # it may be up all the same: some NAS report no interims
    assert explained.verdict == "warning"


@pytest.mark.parametrize(
    ("outcome", "cause"), [("nacked", "coa_refused"), ("timed_out", "coa_unanswered"), ("failed", "coa_failed")]
)
def test_an_order_that_came_to_nothing_keeps_a_paid_service_inside_the_walls(outcome: str, cause: str) -> None:
    for seen in ("walled", "blocked", None):
        kept_out = facts(sessions=(session(seen_access=seen),), order=order(outcome))
        assert first(explain(kept_out)) == (CheckName.COA, cause)
    only_speed = facts(sessions=(session(seen_access="active"),), order=order(outcome))
    assert explain(only_speed).first is None


def test_a_nas_that_was_removed_or_never_heard_is_named() -> None:
    assert first(explain(facts(nas=nas(in_service=False)))) == (CheckName.NAS, "nas_removed")
    mute = nas(last_heard_at=None, last_attempt_at=None)
    assert first(explain(facts(nas=mute))) == (CheckName.NAS, "nas_never_heard")


def test_a_log_in_of_a_moment_ago_waits_for_its_session() -> None:
    explained = explain(facts(attempts=(attempt("ok"),)))
    assert explained.first is None
    late = explain(facts(attempts=(attempt("ok", at=NOW - timedelta(minutes=3)),)))
    assert first(late) == (CheckName.LINK, "accepted_without_session")
