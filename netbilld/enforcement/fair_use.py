"""Where on its allowance a service stands, and what speed follows: steps before and beyond the limit."""

from dataclasses import replace
from typing import Final, NamedTuple

from netbilld.billing.plan import AfterAllowance, Allowance, Plan, Speed

_WHOLE: Final = 100  # percent
_CLOSES: Final = frozenset((AfterAllowance.WALL, AfterAllowance.BLOCK))


class Step(NamedTuple):
    """A share of the allowance from which on access is another; without a speed where it closes."""

    percent: int
    speed: Speed | None


_MAX_PLANS: Final = 1024
_known: Final[dict[int, tuple[Plan, tuple[Step, ...]]]] = {}  # by identity: a plan takes longer to compare than to read


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """Return the shares at which usage changes access, in rising order; none where it never does.

    The limit itself has what follows on it, whatever step stands at the same share; nothing follows on its closing.
    """
    if plan.allowance is None:
        return ()
    known = _known.get(id(plan))
    if known is not None and known[0] is plan:
        return known[1]
    if len(_known) >= _MAX_PLANS:
        _known.clear()
    found = _steps(plan, plan.allowance)
    _known[id(plan)] = plan, found
    return found


def passed(plan: Plan, limit_octets: int, used_octets: int) -> Step | None:
    """Return the last step that is passed; None before the first."""
    found = None
    for step in steps_of(plan):
        if used_octets < octets_of(step, limit_octets):
            break
        found = step
    return found


def left_octets(plan: Plan, limit_octets: int, used_octets: int) -> int | None:
    """Return what is left to the next step, 0 or less where the last one is passed; None where there is none."""
    steps = steps_of(plan)
    if not steps:
        return None
    at = next((at for step in steps if used_octets < (at := octets_of(step, limit_octets))), None)
    return (octets_of(steps[-1], limit_octets) if at is None else at) - used_octets


def octets_of(step: Step, limit_octets: int) -> int:
    """Return from how many used octets on a step is passed."""
    return -(-limit_octets * step.percent // _WHOLE)


def _steps(plan: Plan, allowance: Allowance) -> tuple[Step, ...]:
    closes = allowance.after in _CLOSES
    found = {
        step.from_percent: Step(
            step.from_percent, replace(plan.speed, down_bps=step.down_bps, up_bps=step.up_bps, burst=None)
        )
        for step in allowance.steps
        if step.from_percent < _WHOLE or not closes
    }
    if allowance.after is not AfterAllowance.CHARGE:
        found[_WHOLE] = Step(_WHOLE, None if closes else allowance.throttled)
    return tuple(found[percent] for percent in sorted(found))
