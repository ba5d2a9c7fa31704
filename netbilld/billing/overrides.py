"""What a service's terms change in its plan, as it is kept beside the service for those who decide on access."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netbilld.billing.plan import Plan, Timing
from netbilld.billing.plan_file import speed_definition, speed_from
from netbilld.billing.terms import Terms, plan_under


def overrides_of(plan: Plan, terms: Terms) -> dict[str, Any] | None:
    """Return what differs from the plan, as plain JSON; None for nothing."""
    due = plan_under(plan, terms)
    found: dict[str, Any] = {}
    if due.recurring is not None and plan.recurring is not None and due.recurring != plan.recurring:
        found["price_minor"] = due.recurring.price_minor
    if due.speed != plan.speed:
        found["speed"] = speed_definition(due.speed)
    if due.timing is not plan.timing:
        found["timing"] = due.timing.value
    if due.free and not plan.free:
        found["free"] = True
    return found or None


def with_overrides(plan: Plan, overrides: Mapping[str, Any] | None) -> Plan:
    """Return the plan as a service has it today; its price rules are resolved."""
    if not overrides:
        return replace(plan, price_rules=()) if plan.price_rules else plan
    recurring, price_minor = plan.recurring, overrides.get("price_minor")
    if recurring is not None and price_minor is not None:
        recurring = replace(recurring, price_minor=price_minor)
    return replace(
        plan,
        recurring=recurring,
        price_rules=(),
        speed=speed_from(overrides["speed"]) if "speed" in overrides else plan.speed,
        timing=Timing(overrides["timing"]) if "timing" in overrides else plan.timing,
        free=plan.free or overrides.get("free", False),
    )
