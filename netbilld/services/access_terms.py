"""The terms of access of every service: one object for all who have the same."""

from typing import Final

from netbilld.enforcement.policy import ServiceFacts
from netbilld.model.service_lock import LockKind
from netbilld.radius.terms import AccessTerms
from netbilld.services.own_pools import NO_NEEDS, PoolNeeds

# Locks are a service's own. Beyond so many, terms with locks are made anew and not shared.
_MAX_SHARED: Final = 10_000


class TermsBook:
    """Makes terms from facts; most services have none, and that is told at a glance."""

    def __init__(self) -> None:
        self._shared: dict[tuple[object, ...], AccessTerms] = {}

    def of(self, facts: ServiceFacts, needs: PoolNeeds) -> AccessTerms | None:
        """Return what admission holds a log-in of this service against; None for nothing."""
        plan, locks = facts.plan, facts.locks
        if plan.sessions is None and not plan.hours and not plan.lock_learn and not locks and needs is NO_NEEDS:
            return None
        timezone = facts.timezone if plan.hours else "UTC"
        key = (plan.sessions, plan.hours, plan.lock_learn, timezone, locks, needs)
        terms = self._shared.get(key)
        if terms is None:
            terms = _terms(facts, needs, timezone)
            if not locks and len(self._shared) < _MAX_SHARED:
                self._shared[key] = terms
        return terms


def _terms(facts: ServiceFacts, needs: PoolNeeds, timezone: str) -> AccessTerms:
    plan = facts.plan
    values: dict[LockKind, set[str]] = {}
    for kind, value in facts.locks:
        values.setdefault(kind, set()).add(value)
    return AccessTerms(
        sessions_allowed=plan.sessions.allowed if plan.sessions is not None else None,
        second_login=plan.sessions.second if plan.sessions is not None else "replace",
        locks={kind: frozenset(allowed) for kind, allowed in values.items()},
        learn=frozenset(kind for kind in plan.lock_learn if kind not in values),
        hours=plan.hours,
        timezone=timezone,
        pool=needs.ipv4,
        ipv6_pool=needs.ipv6_prefix,
        delegated_pool=needs.delegated,
    )
