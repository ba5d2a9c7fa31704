"""What a service is billed by, for `subscriber show`: its own terms, what is planned, and its pauses."""

from datetime import date
from typing import Any

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.billing.terms import Terms, terms_on
from netbilld.cli.money import shown
from netbilld.model.subscriber import Service


async def terms_document(work: UnitOfWork, service: Service, today: date) -> dict[str, Any]:
    """Return the terms of a day with what is planned after it, and stops that are not over; for JSON."""
    rows = (await work.terms.of([service.id]))[service.id]
    versions = await work.plans.versions({row.plan_version_id for row in rows})
    now = terms_on(rows, today) or rows[0]
    stops = (await work.terms.stops([service.id])).get(service.id, [])

    def words(terms: Terms) -> dict[str, Any]:
        version = versions[terms.plan_version_id]
        return {
            "from": terms.from_on,
            "plan": version.code,
            "plan_version": version.version,
            "price": terms.price_minor,
            "down_bps": terms.speed.down_bps if terms.speed else None,
            "up_bps": terms.speed.up_bps if terms.speed else None,
            "timing": terms.timing.value if terms.timing else None,
            "free": terms.free,
            "add_ons": list(terms.add_ons),
            "discounts": [
                {
                    "name": one.name,
                    "percent": one.percent_hundredths / 100 if one.percent_hundredths else None,
                    "amount": one.amount_minor,
                    "periods": one.periods,
                    "from": one.from_on,
                }
                for one in terms.discounts
            ],
            "why": terms.reason,
            "by": terms.actor,
        }

    return {
        "terms": words(now),
        "planned": [words(row) for row in rows if row.from_on > today],
        "stops": [
            {"kind": stop.kind.value, "from": stop.from_on, "until": stop.until_on, "reason": stop.reason}
            for stop in stops
            if stop.until_on is None or stop.until_on > today
        ],
    }


def terms_fields(document: dict[str, Any], currency: str) -> dict[str, Any]:
    """Return the same for people."""
    terms = document["terms"]
    own = [
        f"price {shown(terms['price'], currency)}" if terms["price"] is not None else "",
        f"speed {terms['down_bps'] / 10**6:g}M/{terms['up_bps'] / 10**6:g}M" if terms["down_bps"] else "",
        terms["timing"] or "",
        "complimentary" if terms["free"] else "",
        *(f"add-on {code}" for code in terms["add_ons"]),
        *(_discount(one, currency) for one in terms["discounts"]),
    ]
    said = ", ".join(word for word in own if word)
    if said and terms["why"]:
        said += f" ({terms['why']}, {terms['by']})"
    return {
        "terms": said,
        "planned": "; ".join(
            f"from {one['from']}: {one['plan']} version {one['plan_version']}" for one in document["planned"]
        ),
        "stops": "; ".join(
            f"{one['kind']} from {one['from']}" + (f" until {one['until']}" if one["until"] else "")
            for one in document["stops"]
        ),
    }


def _discount(one: dict[str, Any], currency: str) -> str:
    size = f"{one['percent']:g} %" if one["percent"] else shown(one["amount"] or 0, currency)
    return f"discount {one['name']} {size}".replace("  ", " ")
