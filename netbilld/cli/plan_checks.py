"""Which plans a NAS can't be told as they are: asked when a plan or a NAS is kept, and by `doctor`."""

from collections.abc import Iterable

from netbilld.adapters.database.engine import Database
from netbilld.billing.plan import Plan
from netbilld.cli.checks import Check
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.enforcement.vendors.fit import misfits
from netbilld.model.nas import Nas


async def plan_warnings(
    database: Database, *, plan_code: str | None = None, nas_name: str | None = None
) -> list[tuple[str, str]]:
    """Return where a plan on sale and a vendor in use don't fit together, and why.

    Args:
        database: the books.
        plan_code: only this plan.
        nas_name: only this NAS.
    """
    async with database.read() as work:
        plans = [one.newest.plan for one in await work.plans.listed() if one.newest.on_sale]
        known = await work.nas.all()
    if plan_code is not None:
        plans = [plan for plan in plans if plan.code.casefold() == plan_code.casefold()]
    if nas_name is not None:
        known = [nas for nas in known if nas.name.casefold() == nas_name.casefold()]
    return list(_misfits(plans, known))


def _misfits(plans: Iterable[Plan], known: Iterable[Nas]) -> Iterable[tuple[str, str]]:
    by_vendor: dict[str, list[str]] = {}
    for nas in known:
        by_vendor.setdefault(nas.vendor, []).append(nas.name)
    for plan in plans:
        for name, nas_names in by_vendor.items():
            vendor = vendor_or_any(name)
            where = nas_names[0] if len(nas_names) == 1 else f"{nas_names[0]} and {len(nas_names) - 1} more"
            for sentence in misfits(plan, vendor):
                yield f"plan {plan.code} on NAS {where} ({vendor.title})", sentence


async def check_plans(database: Database) -> list[Check]:
    """Return what `doctor` says of plans and vendors."""
    found = await plan_warnings(database)
    if not found:
        return [Check("plan speeds", "ok", "every NAS can be told the speed of every plan on sale")]
    return [Check("plan speeds", "warn", f"{where}: {why}") for where, why in found]
