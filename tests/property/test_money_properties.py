"""Laws that money keeps whatever the numbers."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.allocation import Owed, allocate
from netbilld.billing.chart import REVENUE_RECURRING, REVENUE_USAGE, Payer, Side
from netbilld.billing.ledger import LedgerEntry, reversal
from netbilld.billing.plan import Plan, Recurring, Timing
from netbilld.billing.plan_parts import Tariff
from netbilld.billing.postings import invoice_issued, payment_received, renewal_charged, usage_charged, wallet_applied
from netbilld.billing.proration import prorata_minor, split_minor
from netbilld.billing.renewal import PrepaidService, renewal_due
from netbilld.billing.terms import Terms
from tests.builders.plans import per_use, plan

PAYER = Payer(UUID(int=7), "100001", "IDR")
amounts = st.integers(1, 10**12)
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))


def priced(price_minor: int = 100_000, period_days: int | None = None, usage: Tariff | None = None) -> Plan:
    return per_use(usage) if usage else plan(recurring=Recurring(price_minor, period_days))


@given(st.integers(0, 10**12), st.integers(1, 366), st.data())
def test_parts_of_a_price_sum_to_the_whole_and_never_leave_it(price: int, of: int, data: st.DataObject) -> None:
    """BANG-2.3d."""
    used = data.draw(st.integers(0, of))
    used_minor, rest_minor = split_minor(price, used, of)
    assert used_minor + rest_minor == price
    assert 0 <= used_minor <= price
    assert abs(2 * used_minor * of - 2 * price * used) <= of  # half a unit at most
    assert prorata_minor(price, 0, of) == 0


@given(amounts, amounts, st.integers(0, 10**12), st.integers(0, 10**12))
def test_every_document_balances_and_so_does_its_reversal(one: int, two: int, settled: int, credited: int) -> None:
    entries = [
        invoice_issued(PAYER, "INV-1", {REVENUE_RECURRING: one, REVENUE_USAGE: two}),
        wallet_applied(PAYER, "INV-1", one),
        usage_charged(PAYER, UUID(int=8), one, ""),
        renewal_charged(PAYER, UUID(int=8), two, ""),
    ]
    if settled + credited:
        entries.append(
            payment_received(PAYER, UUID(int=9), "cash", settled_minor=settled, credited_minor=credited, memo="")
        )
    for entry in entries:
        assert _debits(entry) == _credits(entry) > 0
        undone = reversal(entry, "")
        assert (_debits(undone), _credits(undone)) == (_credits(entry), _debits(entry))


def _debits(entry: LedgerEntry) -> int:
    return sum(posting.amount_minor for posting in entry.postings if posting.side is Side.DEBIT)


def _credits(entry: LedgerEntry) -> int:
    return sum(posting.amount_minor for posting in entry.postings if posting.side is Side.CREDIT)


@given(amounts, st.lists(st.tuples(days, st.integers(0, 10**9)), max_size=8))
def test_an_allocation_conserves_money_and_overpays_nothing(amount: int, owed: list[tuple[date, int]]) -> None:
    invoices = [Owed(UUID(int=n), f"INV-{n}", due_on, rest) for n, (due_on, rest) in enumerate(owed)]
    allocation = allocate(amount, invoices)
    assert allocation.settled_minor + allocation.rest_minor == amount
    settled = {part.invoice_id: part.amount_minor for part in allocation.parts}
    assert all(0 < settled.get(i.invoice_id, 1) <= max(i.outstanding_minor, 1) for i in invoices)
    assert allocation.rest_minor == 0 or all(settled.get(i.invoice_id, 0) == i.outstanding_minor for i in invoices)
    short = [i.due_on for i in invoices if settled.get(i.invoice_id, 0) < i.outstanding_minor]
    assert all(i.due_on <= min(short) for i in invoices if i.invoice_id in settled and short)


@given(days, st.integers(1, 31), st.integers(-5, 900), st.sampled_from([None, 1, 7, 30]))
def test_a_renewal_always_opens_today_and_never_sells_a_day_twice(
    paid_until_on: date, billing_day: int, late: int, period_days: int | None
) -> None:
    today = paid_until_on + timedelta(days=late)
    version, begun_on = UUID(int=3), date(2019, 1, 1)
    service = PrepaidService(
        UUID(int=1), UUID(int=2), billing_day, "Asia/Jakarta", begun_on, paid_until_on, (Terms(begun_on, version),)
    )
    kind = plan(timing=Timing.PREPAID, recurring=Recurring(100_000, period_days))
    renewal = renewal_due(service, {version: kind}, 10**6, today)
    if late <= 0:
        assert renewal is None
        return
    assert renewal is not None
    assert paid_until_on < renewal.start_on <= today <= renewal.paid_until_on
    assert renewal.price_minor <= 100_000
