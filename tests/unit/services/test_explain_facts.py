"""Which NAS and which pool an explanation is about."""

from datetime import timedelta

import pytest

from netbilld.billing.plan import Pools
from netbilld.enforcement.explain_facts import AttemptFact, SessionFact
from netbilld.services.explain import _nas_name, _pool_name
from tests.builders.explained import attempt, service_that, session
from tests.builders.plans import plan
from tests.builders.services import NOW


def tried(seconds_ago: float, nas: str | None) -> AttemptFact:
    return attempt("ok", at=NOW - timedelta(seconds=seconds_ago), nas=nas)


def heard(seconds_ago: float, nas: str) -> SessionFact:
    return session(updated_at=NOW - timedelta(seconds=seconds_ago), nas=nas)


@pytest.mark.parametrize(
    ("attempts", "sessions", "last", "name"),
    [
        ([tried(60, "pop1")], [heard(5, "pop2")], heard(90, "pop3"), "pop2"),
        ([tried(5, "pop1")], [heard(60, "pop2")], heard(90, "pop3"), "pop1"),
        ([tried(60, "pop1")], [], heard(5, "pop3"), "pop3"),
        ([tried(5, None)], [heard(60, "pop2")], None, "pop2"),
        ([], [], None, None),
    ],
)
def test_the_nas_is_the_one_heard_most_recently(
    attempts: list[AttemptFact], sessions: list[SessionFact], last: SessionFact | None, name: str | None
) -> None:
    assert _nas_name(attempts, sessions, last) == name


def test_the_pool_is_the_one_that_was_full_else_the_plan_s_unless_the_address_is_fixed() -> None:
    pooled = service_that(plan=plan(pools=Pools("home")))
    full = attempt("pool_full", detail="pool Rumah 2 is full")
    assert _pool_name([full], pooled) == "Rumah 2"
    assert _pool_name([attempt("ok")], pooled) == _pool_name([], pooled) == "home"
    assert _pool_name([], service_that(plan=plan(pools=Pools("home")), static_ip="10.0.0.9")) is None
