"""What collectors hold, what is parked and what was withheld: by the documents, beside the ledger."""

from collections import defaultdict

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    agent_deposits,
    agent_payments,
    counters,
    handovers,
    parked_payments,
    payments,
    refunds,
    voucher_refunds,
    voucher_sales,
)
from netbilld.billing.chart import SUSPENSE, agent, collector
from netbilld.billing.payment import PaymentStatus, Withheld
from netbilld.billing.postings import money_account
from netbilld.billing.receipt import SERIES

_RECEIVED = payments.c.status == PaymentStatus.RECEIVED.value


async def wrong_holdings(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Return the accounts that hold something else than their documents say: (documents, ledger)."""
    said: dict[str, int] = defaultdict(int)
    taken = select(payments.c.collector, func.sum(payments.c.amount_minor)).where(
        _RECEIVED, payments.c.collector.is_not(None)
    )
    for name, minor in await connection.execute(taken.group_by(payments.c.collector)):
        said[collector(name).code] += int(minor)
    for table, amount in ((voucher_sales, voucher_sales.c.paid_minor), (agent_deposits, agent_deposits.c.amount_minor)):
        sold = select(table.c.collector, func.sum(amount)).where(table.c.collector.is_not(None))
        for name, minor in await connection.execute(sold.group_by(table.c.collector)):
            said[collector(name).code] += int(minor)
    back = voucher_refunds.c
    returned = select(back.collector, func.sum(back.amount_minor)).where(back.collector.is_not(None))
    for name, minor in await connection.execute(returned.group_by(back.collector)):
        said[collector(name).code] -= int(minor)
    for name, minor in await _agents(connection):
        said[agent(name).code] += minor
    given = select(refunds.c.collector, func.sum(refunds.c.amount_minor)).where(refunds.c.collector.is_not(None))
    for name, minor in await connection.execute(given.group_by(refunds.c.collector)):
        said[collector(name).code] -= int(minor)
    handed = select(handovers.c.collector, func.sum(handovers.c.counted_minor + handovers.c.booked_minor))
    for name, minor in await connection.execute(handed.group_by(handovers.c.collector)):
        said[collector(name).code] -= int(minor)
    kept = [method.value for method in Withheld]
    proofs = select(payments.c.method, func.sum(payments.c.amount_minor)).where(_RECEIVED, payments.c.method.in_(kept))
    for method, minor in await connection.execute(proofs.group_by(payments.c.method)):
        said[money_account(method).code] += int(minor)
    waiting = select(func.sum(parked_payments.c.amount_minor)).where(parked_payments.c.status == "parked")
    said[SUSPENSE.code] += int(await connection.scalar(waiting) or 0)
    held = select(accounts.c.code, accounts.c.balance_minor).where(
        accounts.c.code.like("collector:%")
        | accounts.c.code.like("agent:%")
        | accounts.c.code.in_([SUSPENSE.code, *(money_account(method).code for method in kept)])
    )
    booked = {row.code: int(row.balance_minor) for row in await connection.execute(held)}
    codes = sorted(said.keys() | booked.keys())
    both = {code: (said.get(code, 0), booked.get(code, 0)) for code in codes}
    return {code: (documents, ledger) for code, (documents, ledger) in both.items() if documents != ledger}


async def _agents(connection: AsyncConnection) -> list[tuple[str, int]]:
    """Return what each agent's deposit is by the documents: paid in, less what was sold, less the commission.

    What was given back of vouchers is theirs again.
    """
    paid_in = select(agent_deposits.c.agent, func.sum(agent_deposits.c.amount_minor)).group_by(agent_deposits.c.agent)
    sale = voucher_sales.c
    sold = select(sale.agent, func.sum(sale.commission_minor - sale.paid_minor)).where(sale.agent.is_not(None))
    taken = (
        select(
            agent_payments.c.agent,
            func.sum(case((_RECEIVED, agent_payments.c.commission_minor - payments.c.amount_minor), else_=0)),
        )
        .join(payments, payments.c.id == agent_payments.c.payment_id)
        .group_by(agent_payments.c.agent)
    )
    back = voucher_refunds.c
    returned = select(back.agent, func.sum(back.amount_minor - back.commission_minor)).where(back.agent.is_not(None))
    found = [(row[0], int(row[1])) for row in await connection.execute(paid_in)]
    found += [(row[0], int(row[1])) for row in await connection.execute(returned.group_by(back.agent))]
    found += [(row[0], int(row[1])) for row in await connection.execute(sold.group_by(sale.agent))]
    return found + [(row[0], int(row[1])) for row in await connection.execute(taken)]


async def broken_receipts(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Return the series of receipts that have given more numbers than payments bear, or fewer: (given, found)."""
    given = select(counters.c.series, counters.c.last_number).where(counters.c.series.like(f"{SERIES}%"))
    broken = {}
    for row in (await connection.execute(given)).all():
        bearing = payments.c.receipt_no.like(f"KW-{row.series.removeprefix(SERIES)}-%")
        found = int(await connection.scalar(select(func.count()).select_from(payments).where(bearing)) or 0)
        if found != row.last_number:
            broken[row.series] = (int(row.last_number), found)
    return broken
