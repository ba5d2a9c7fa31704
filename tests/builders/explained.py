"""What is known when somebody asks why a subscriber can't get online: nothing is wrong unless a test says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from netbilld.enforcement.explain import Check, CheckName, Explanation
from netbilld.enforcement.explain_facts import (
    AttemptFact,
    CredentialFact,
    DropFact,
    Facts,
    NasFact,
    OrderFact,
    ServiceFact,
    SessionFact,
)
from netbilld.enforcement.policy import entitlement
from tests.builders.services import GARDEN, NOW, SERVICE_ID, service_facts


def service(**changes: Any) -> ServiceFact:
    facts = service_facts()
    values: dict[str, Any] = {
        "service_id": SERVICE_ID,
        "subscriber_no": "100001",
        "subscriber_name": "Budi",
        "status_reason": None,
        "status_since_at": NOW,
        "credential": CredentialFact("budi", "password", True, True, NOW - timedelta(days=90)),
        "facts": facts,
        "due": entitlement(facts, GARDEN, NOW),
        "due_since_at": NOW,
        "oldest_due_on": None,
    }
    return ServiceFact(**(values | changes))


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "username": "budi",
        "now": NOW,
        "service": service(),
        "nas": NasFact("pop1", "192.0.2.1/32", True, NOW, NOW),
        "name_drops": (),
        "nas_drops": (),
    }
    return Facts(**(values | changes))


def attempt(reason: str, **changes: Any) -> AttemptFact:
    result = "accept" if reason == "ok" else "reject"
    found = AttemptFact(NOW - timedelta(seconds=30), "budi", "pop1", "mschapv2", result, reason, "48:8F:5A:00:00:01")
    return replace(found, **changes)


def session(**changes: Any) -> SessionFact:
    began = NOW - timedelta(hours=1)
    found = SessionFact(1, "pop1", "live", "10.0.0.2", "48:8F:5A:00:00:02", began, NOW, None, None, 300)
    return replace(found, **changes)


def first(explained: Explanation) -> tuple[CheckName, str]:
    assert explained.first is not None
    return explained.first.name, explained.first.cause


def service_that(**changes: Any) -> ServiceFact:
    """Return the service, due what follows from these facts."""
    known = service_facts(**changes)
    return service(facts=known, due=entitlement(known, GARDEN, NOW))


def nas(**changes: Any) -> NasFact:
    return replace(NasFact("pop1", "192.0.2.1/32", True, NOW, NOW), **changes)


def drop(reason: str, seconds_ago: float, nas: str | None = "pop1") -> DropFact:
    return DropFact(reason, "192.0.2.1", nas, "auth", 7, NOW - timedelta(seconds=seconds_ago))


def order(outcome: str, *, pending: bool = True) -> OrderFact:
    return OrderFact("coa", outcome, "pop1", NOW, 401, None, pending=pending, attempts=3)


def check_of(explained: Explanation, name: CheckName) -> Check:
    return next(check for check in explained.checks if check.name is name)
