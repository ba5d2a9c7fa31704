"""A stored definition to the Plan it describes; whatever it doesn't say is as it was before that could be said."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from netbilld.billing.plan import (
    AfterAllowance,
    Allowance,
    Burst,
    Charging,
    Closing,
    Counts,
    Plan,
    Pools,
    Recurring,
    SessionLimit,
    Speed,
    Timing,
)
from netbilld.billing.plan_parts import (
    NOTIFY_PERCENTS,
    AddOn,
    BilledWhen,
    Component,
    Discount,
    ExtendsFrom,
    FairUseStep,
    HappyHours,
    PriceRule,
    ProRata,
    Rollover,
    SoldTo,
    StopPolicy,
    Tariff,
    TaxChoice,
    Tier,
    TimeAllowance,
    TopUp,
)

CLOSED = "closed"
_Stored = Mapping[str, Any]


def plan_from_definition(definition: Mapping[str, Any]) -> Plan:
    """Return the plan that a stored definition describes."""
    recurring, allowance = definition["recurring"], definition["allowance"]
    usage, access, sessions = definition["usage"], definition["access"], definition.get("sessions")
    fees, sale, time = definition.get("fees") or {}, definition.get("sale") or {}, definition.get("time_allowance")
    return Plan(
        code=definition["code"],
        name=definition["name"],
        timing=Timing(definition["timing"]),
        charging=Charging(definition["charging"]),
        currency=definition["currency"],
        speed=speed_from(definition["speed"]),
        recurring=_recurring(recurring) if recurring else None,
        allowance=_allowance(allowance) if allowance else None,
        usage=_tariff(usage) if usage else None,
        when_overdue=Closing(access["overdue"]),
        when_no_credit=Closing(access["no_credit"]),
        when_suspended=Closing(access["suspended"]),
        idle_seconds=access.get("idle_seconds"),
        pools=_pools(definition.get("address") or {}),
        sessions=SessionLimit(**sessions) if sessions else None,
        lock_learn=tuple((definition.get("lock") or {}).get("learn", ())),
        hours=tuple((begin, end) for begin, end in (definition.get("hours") or {}).get("spans", ())),
        fails_closed=(definition.get("outage") or {}).get("access") == CLOSED,
        installation_minor=fees.get("installation_minor", 0),
        deposit_minor=fees.get("deposit_minor", 0),
        components=tuple(Component(**one) for one in definition.get("components", ())),
        price_rules=tuple(PriceRule(**one) for one in definition.get("price_rules", ())),
        sold_to=SoldTo(tuple(sale.get("groups", ())), tuple(sale.get("areas", ()))),
        discounts=tuple(discount_from(one) for one in definition.get("discounts", ())),
        add_ons=tuple(AddOn(**one) for one in definition.get("add_ons", ())),
        top_ups=tuple(TopUp(**one) for one in definition.get("top_ups", ())),
        happy_hours=tuple(_happy(one) for one in definition.get("happy_hours", ())),
        time_allowance=TimeAllowance(time["seconds"]) if time else None,
        notify_percents=tuple(definition.get("notify_percents", NOTIFY_PERCENTS)),
        tax=_tax(definition["tax"]),
        free=definition.get("free", False),
        trial_days=definition.get("trial_days", 0),
    )


def speed_from(stored: _Stored) -> Speed:
    """Return a stored speed."""
    burst, minimum = stored.get("burst"), stored.get("minimum")
    return Speed(
        down_bps=stored["down_bps"],
        up_bps=stored["up_bps"],
        burst=Burst(**burst) if burst else None,
        priority=stored.get("priority"),
        minimum_down_bps=minimum["down_bps"] if minimum else None,
        minimum_up_bps=minimum["up_bps"] if minimum else None,
        nas_profile=stored.get("nas_profile"),
    )


def speed_definition(speed: Speed) -> dict[str, Any]:
    """Return a plain speed as it is stored; a service's own has neither burst nor minimum."""
    return {"down_bps": speed.down_bps, "up_bps": speed.up_bps}


def discount_from(stored: _Stored) -> Discount:
    """Return a stored discount."""
    from_on = stored.get("from_on")
    return Discount(
        stored["name"],
        stored.get("percent_hundredths"),
        stored.get("amount_minor"),
        stored.get("periods"),
        date.fromisoformat(from_on) if from_on else None,
    )


def discount_definition(discount: Discount) -> dict[str, Any]:
    """Return a discount as it is stored."""
    stored: dict[str, Any] = {
        "name": discount.name,
        "percent_hundredths": discount.percent_hundredths,
        "amount_minor": discount.amount_minor,
        "periods": discount.periods,
    }
    return stored | ({"from_on": discount.from_on.isoformat()} if discount.from_on else {})


def _recurring(stored: _Stored) -> Recurring:
    return Recurring(
        stored["price_minor"],
        stored["period_days"],
        billed=BilledWhen(stored.get("billed", BilledWhen.ADVANCE)),
        prorata=ProRata(stored.get("prorata", ProRata.CALENDAR)),
        extends_from=ExtendsFrom(stored.get("extends_from", ExtendsFrom.EXPIRY)),
        when_paused=StopPolicy(stored.get("when_paused", StopPolicy.CREDIT)),
        when_suspended=StopPolicy(stored.get("when_suspended", StopPolicy.BILL)),
    )


def _allowance(stored: _Stored) -> Allowance:
    rollover = stored.get("rollover")
    return Allowance(
        data_octets=stored["data_octets"],
        counts=Counts(stored["counts"]),
        after=AfterAllowance(stored["after"]),
        throttled=speed_from(stored["throttled"]) if stored["throttled"] else None,
        prorata=stored.get("prorata", False),
        rollover=Rollover(**rollover) if rollover else None,
        steps=tuple(FairUseStep(**one) for one in stored.get("steps", ())),
    )


def _tariff(stored: _Stored) -> Tariff:
    if "tiers" not in stored:  # one price a GB, as the first definitions had it
        return Tariff((Tier(None, stored["price_per_gb_minor"]),), stored["octets_per_gb"])
    return Tariff(tuple(Tier(**one) for one in stored["tiers"]), stored["units_per_price"], stored["cap_minor"])


def _happy(stored: _Stored) -> HappyHours:
    speed = stored.get("speed") or {}
    return HappyHours(
        name=stored["name"],
        spans=tuple((begin, end) for begin, end in stored["spans"]),
        on_holidays=stored.get("on_holidays"),
        weight=(stored["weight"][0], stored["weight"][1]) if "weight" in stored else (1, 1),
        price_minor=stored.get("price_minor"),
        down_bps=speed.get("down_bps"),
        up_bps=speed.get("up_bps"),
    )


def _tax(stored: _Stored) -> TaxChoice:
    code = stored.get("rate")
    return TaxChoice(None if code in {None, "none"} else code, stored.get("inclusive", True))


def _pools(stored: _Stored) -> Pools:
    return Pools(stored.get("pool"), stored.get("ipv6_pool"), stored.get("delegated_pool"))
