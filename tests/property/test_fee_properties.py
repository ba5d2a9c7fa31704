"""Whatever changes, and whenever it is told: in the end what was billed of fees is what is owed."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.charges import FeeFacts, fee_charges
from netbilld.billing.fees import FeePeriod, owed_in
from netbilld.billing.plan import Plan, Recurring
from netbilld.billing.plan_parts import BilledWhen, Component, Discount, ProRata, StopPolicy
from netbilld.billing.terms import Stop, StopKind, Terms
from tests.builders.fees import SERVICE, Billed, facts
from tests.builders.plans import plan

BEGIN = date(2027, 11, 20)
SPAN = 200


@st.composite
def plans(draw: st.DrawFn) -> dict[UUID, Plan]:
    found = {}
    for number in range(3):
        recurring = Recurring(
            draw(st.integers(0, 400_000)),
            draw(st.sampled_from([None, None, None, 7, 30])),
            draw(st.sampled_from(BilledWhen)),
            draw(st.sampled_from(ProRata)),
            when_paused=draw(st.sampled_from(StopPolicy)),
            when_suspended=draw(st.sampled_from(StopPolicy)),
        )
        made = plan(code=f"P{number}", recurring=recurring, trial_days=draw(st.sampled_from([0, 0, 5])))
        if draw(st.booleans()):
            made = replace(made, components=(Component("tv", "TV", draw(st.integers(1, 90_000)), "tv", False),))
        if draw(st.booleans()):
            percent = draw(st.integers(1, 10_000))
            periods = draw(st.sampled_from([None, 1, 3]))
            made = replace(made, discounts=(Discount("promo", percent, None, periods),))
        found[UUID(int=number + 1)] = made
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, FeeFacts, int]]:
    """Return (day of a run, what is known by then, billing day) with more known each time."""
    offered = draw(plans())
    billing_day = draw(st.integers(1, 31))
    terms = [Terms(BEGIN, UUID(int=1))]
    stops: list[Stop] = []
    ends_on: date | None = None
    told: list[tuple[int, FeeFacts, int]] = []
    for _ in range(draw(st.integers(1, 8))):
        match draw(st.sampled_from(["run", "change", "stop", "end", "day"])):
            case "change":
                day = BEGIN + timedelta(days=draw(st.integers(0, SPAN)))
                terms = [one for one in terms if one.from_on != day]
                terms.append(Terms(day, UUID(int=draw(st.integers(1, 3))), free=draw(st.integers(0, 9)) == 0))
                terms.sort(key=lambda one: one.from_on)
            case "stop":
                day = BEGIN + timedelta(days=draw(st.integers(0, SPAN)))
                until = day + timedelta(days=draw(st.integers(1, 60))) if draw(st.booleans()) else None
                stops = [*stops, Stop(draw(st.sampled_from(StopKind)), day, until)]
            case "end":
                ends_on = BEGIN + timedelta(days=draw(st.integers(1, SPAN)))
            case "day":
                billing_day = draw(st.integers(1, 31))
        if terms[0].from_on != BEGIN:
            terms.insert(0, Terms(BEGIN, UUID(int=1)))
        known = facts(offered, terms, stops=stops, billing_day=billing_day, ends_on=ends_on)
        told.append((draw(st.integers(0, SPAN)), known, billing_day))
    return told


@given(histories())
def test_what_was_billed_is_what_is_owed_whatever_the_order_of_runs_and_changes(
    told: list[tuple[int, FeeFacts, int]],
) -> None:
    billed = Billed()
    for day, known, _ in told:
        billed.run(known, BEGIN + timedelta(days=day))
        again = billed.run(known, BEGIN + timedelta(days=day))
        assert (again.lines, again.billed, again.begun) == ([], [], 0)
    _, known, billing_day = told[-1]
    last = BEGIN + timedelta(days=SPAN + 500)
    billed.run(known, last)
    sums: dict[FeePeriod, int] = {}
    for row in billed.rows:
        sums[row.period] = sums.get(row.period, 0) + row.amount_minor
    for period, amount_minor in sums.items():
        owed = owed_in(period, known.stretches, billing_day)
        ended = min(period.end_on, known.ends_on or period.end_on)
        if ended <= last:
            assert amount_minor == sum(part.amount_minor for part in owed.values()), period
        assert amount_minor >= 0


@given(histories())
def test_lines_sum_to_what_is_written_down_and_each_is_its_price_by_its_days(
    told: list[tuple[int, FeeFacts, int]],
) -> None:
    billed = Billed()
    for day, known, _ in told:
        charges = billed.run(known, BEGIN + timedelta(days=day))
        assert sum(line.amount_minor for line in charges.lines) == sum(row.amount_minor for row in charges.billed)
        for line in charges.lines:
            assert line.amount_minor != 0
            assert line.service_id == SERVICE
            assert line.from_on is not None
            assert line.until_on is not None
            assert line.from_on < line.until_on


@given(plans(), st.integers(1, 31), st.lists(st.integers(0, SPAN), max_size=6))
def test_runs_that_read_only_what_is_new_bill_the_same(
    offered: dict[UUID, Plan], billing_day: int, days: list[int]
) -> None:
    """KAMIL-5: a service that has not changed is billed from where it was left."""
    known = facts(offered, [Terms(BEGIN, UUID(int=1))], billing_day=billing_day)
    whole, begins_on, total_minor, ends = Billed(), known.begins_on, 0, []
    for day in sorted(days):
        whole.run(known, BEGIN + timedelta(days=day))
        left = FeeFacts(SERVICE, known.stretches, billing_day, begins_on, None)
        charges = fee_charges(left, (), BEGIN + timedelta(days=day))
        total_minor += sum(line.amount_minor for line in charges.lines)
        begins_on = charges.until_on or begins_on
        ends.append(charges.next_on)
        assert not charges.is_open
        assert charges.next_on is not None
        assert charges.next_on > BEGIN + timedelta(days=day)
    assert total_minor == whole.total_minor
