"""Shares of an allowance that are told when they are passed: those a plan names, its end, and each step of speed."""

from typing import NamedTuple

from netbilld.billing.plan import Plan


class Mark(NamedTuple):
    """A share of an allowance: passed when used ≥ `units`."""

    units: int
    percent: int


def marks_of(plan: Plan, limit_units: int) -> tuple[Mark, ...]:
    """Return the shares of an allowance that are told, in rising order; none without an allowance."""
    if limit_units <= 0:
        return ()
    percents = {100, *plan.notify_percents}
    if plan.allowance is not None:
        percents.update(step.from_percent for step in plan.allowance.steps)
    return tuple(Mark(-(-limit_units * percent // 100), percent) for percent in sorted(percents))
