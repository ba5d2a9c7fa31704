"""What a plan says, in words for a terminal: every part it has, none that it hasn't."""

from typing import Any, Final

from netbilld.billing.hours import hours_text
from netbilld.billing.plan import Allowance, Plan, Recurring, Timing
from netbilld.billing.plan_parts import Discount, HappyHours, Tariff, TopUp
from netbilld.cli.cells import octets
from netbilld.cli.money import shown

_HOUR_SECONDS: Final = 3600
_GIB: Final = 2**30


def plan_fields(plan: Plan) -> dict[str, Any]:
    """Return what a plan says beside code, name and version, by heading; None for what it doesn't."""
    money = plan.currency
    recurring = plan.recurring
    return {
        "timing": plan.timing.value,
        "charging": plan.charging.value,
        "price": price_words(plan),
        "billed": _billed(recurring, plan.timing) if recurring else None,
        "complimentary": "yes" if plan.free else None,
        "trial": f"{plan.trial_days} days" if plan.trial_days else None,
        "installation": shown(plan.installation_minor, money) if plan.installation_minor else None,
        "deposit": shown(plan.deposit_minor, money) if plan.deposit_minor else None,
        "bundle": "; ".join(
            f"{one.name} {shown(one.price_minor, money)} (revenue:{one.revenue})" for one in plan.components
        ),
        "other prices": "; ".join(
            f"{'group' if rule.group else 'area'} {rule.group or rule.area} {shown(rule.price_minor, money)}"
            for rule in plan.price_rules
        ),
        "sold to": ", ".join((*plan.sold_to.groups, *plan.sold_to.areas)),
        "discounts": "; ".join(discount_words(one, money) for one in plan.discounts),
        "down/up": f"{plan.speed.down_bps / 10**6:g}M/{plan.speed.up_bps / 10**6:g}M",
        **(_allowance(plan.allowance) if plan.allowance else {}),
        "time included": f"{plan.time_allowance.seconds / _HOUR_SECONDS:g} h" if plan.time_allowance else None,
        "usage": tariff_words(plan.usage, money) if plan.usage else None,
        "happy hours": "; ".join(_happy(one, plan) for one in plan.happy_hours),
        "told at": ", ".join(f"{percent} %" for percent in plan.notify_percents) if plan.allowance else None,
        "add-ons": "; ".join(f"{one.code} {one.name} {shown(one.price_minor, money)}" for one in plan.add_ons),
        "top-ups": "; ".join(_top_up(one, money) for one in plan.top_ups),
        "tax": f"{plan.tax.code}, {'in' if plan.tax.inclusive else 'on top of'} the price" if plan.tax.code else None,
    }


def price_words(plan: Plan) -> str:
    """Return the fee for its period, the first price of usage for a plan without one."""
    if plan.recurring:
        return f"{shown(plan.recurring.price_minor, plan.currency)}/{period_words(plan)}"
    if plan.usage:
        return f"{shown(plan.usage.first_price_minor, plan.currency)}/{_unit(plan.usage)}"
    return ""


def period_words(plan: Plan) -> str | None:
    """Return the period of the fee, as a plan file says it."""
    if plan.recurring is None:
        return None
    return f"{plan.recurring.period_days}d" if plan.recurring.period_days else "month"


def tariff_words(tariff: Tariff, currency: str) -> str:
    """Return what usage costs, tier by tier."""
    unit, words, begin = _unit(tariff), [], 0
    for tier in tariff.tiers:
        price = f"{shown(tier.price_minor, currency)}/{unit}"
        if len(tariff.tiers) > 1:
            until = "" if tier.up_to_units is None else f"{tier.up_to_units / tariff.units_per_price:g}"
            price = f"{begin / tariff.units_per_price:g}-{until} {unit}: {price}" if until else f"then {price}"
        begin = tier.up_to_units or 0
        words.append(price)
    if tariff.cap_minor is not None:
        words.append(f"at most {shown(tariff.cap_minor, currency)} a period")
    return ", ".join(words)


def discount_words(discount: Discount, currency: str) -> str:
    """Return a discount and how long it lasts."""
    if discount.percent_hundredths is not None:
        size = f"{discount.percent_hundredths / 100:g} %"
    else:
        size = shown(discount.amount_minor or 0, currency)
    return f"{discount.name} {size}" + (f" for {discount.periods} periods" if discount.periods else "")


def _billed(recurring: Recurring, timing: Timing) -> str:
    if timing is Timing.PREPAID:
        said = f"from the wallet, extends from {recurring.extends_from.value}"
    else:
        said = f"in {recurring.billed.value}"
    return (
        f"{said}; pro rata {recurring.prorata.value}; paused: {recurring.when_paused.value}, "
        f"suspended: {recurring.when_suspended.value}"
    )


def _allowance(allowance: Allowance) -> dict[str, Any]:
    rollover = allowance.rollover
    kept = None
    if rollover is not None:
        cap = f", at most {octets(rollover.cap_units)}" if rollover.cap_units is not None else ""
        kept = f"for {rollover.periods} periods{cap}"
    return {
        "allowance": f"{allowance.data_octets} octets ({allowance.counts.value})"
        + (", a part period includes its part" if allowance.prorata else ""),
        "after it": allowance.after.value,
        "steps": ", ".join(
            f"from {one.from_percent} %: {one.down_bps / 10**6:g}M/{one.up_bps / 10**6:g}M" for one in allowance.steps
        ),
        "rollover": kept,
    }


def _happy(hours: HappyHours, plan: Plan) -> str:
    when = [hours_text(hours.spans)] if hours.spans else []
    if hours.on_holidays is not None:
        when.append("holidays" if hours.on_holidays else "not on holidays")
    says = []
    if hours.weight != (1, 1):
        says.append("free" if hours.weight[0] == 0 else f"counts {hours.weight[0]}/{hours.weight[1]}")
    if hours.price_minor is not None and plan.usage is not None:
        says.append(f"{shown(hours.price_minor, plan.currency)}/{_unit(plan.usage)}")
    if hours.down_bps is not None and hours.up_bps is not None:
        says.append(f"{hours.down_bps / 10**6:g}M/{hours.up_bps / 10**6:g}M")
    return f"{hours.name} ({', '.join(when)}): {', '.join(says)}"


def _top_up(top_up: TopUp, currency: str) -> str:
    if top_up.data_octets is not None:
        size = octets(top_up.data_octets)
    else:
        size = f"{(top_up.time_seconds or 0) / _HOUR_SECONDS:g} h"
    valid = f"{top_up.valid_days} days" if top_up.valid_days else "to the end of the period"
    return f"{top_up.code} {size} {shown(top_up.price_minor, currency)}, {valid}"


def _unit(tariff: Tariff) -> str:
    return {_HOUR_SECONDS: "h", _GIB: "GiB"}.get(tariff.units_per_price, "GB")
