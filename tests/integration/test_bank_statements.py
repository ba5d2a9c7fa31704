"""Bank statements: rows imported once, proposed, matched, ignored and taken back, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.billing.bank_matching import Proposal
from netbilld.billing.bank_statement import BadRow
from netbilld.billing.payment_code import LARGEST_CODE, PaymentCode
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.services.import_bank_statement import ImportBankStatement, ImportedStatement
from netbilld.services.issue_payment_code import CodePolicy, IssuePaymentCode
from netbilld.services.match_bank_rows import AutoMatch, MatchBankRows, Matched, RowStatus, StoredRow
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file

JAN = date(2026, 1, 1)
NOW = at(date(2026, 1, 20), 12)
HEAD = "date,description,amount\n"


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.plan(plan_file())
    return made


@pytest.fixture
async def people(world: World) -> list[Person]:
    """Three who owe 200,000 each, in the order of their invoices: INV-202601-000001 to 3."""
    found = []
    for name in ("budi", "siti", "joko"):
        found.append(await world.person(name, activated_on=JAN))
        await world.bill(JAN)
    return found


async def bring(world: World, rows: str, auto: AutoMatch = AutoMatch.CODE) -> ImportedStatement:
    database, bad = world.database, list[BadRow]()
    importing = ImportBankStatement(database, database, timezone=ZONE, currency="IDR", auto=auto)
    lines = (HEAD + rows).splitlines(keepends=True)
    done = await importing.run(lines, "generic", file_name="a.csv", reject=bad.append, actor=ACTOR, now=NOW)
    assert len(bad) == done.rejected
    return done


async def code_of(world: World, number: str, **options: object) -> PaymentCode:
    issuing = IssuePaymentCode(world.database, CodePolicy(timedelta(days=7)))
    return await issuing.run(number, actor=ACTOR, now=NOW, **options)  # type: ignore[arg-type]


async def open_rows(world: World) -> list[tuple[StoredRow, Sequence[Proposal]]]:
    async with world.database.read() as work:
        rows = await work.bank.listed(RowStatus.OPEN)
    proposed = await MatchBankRows(world.database, timezone=ZONE).proposals(rows, NOW)
    return [(row, proposed[row.id]) for row in rows]


def matching(world: World) -> MatchBankRows:
    return MatchBankRows(world.database, timezone=ZONE)


async def test_a_transfer_of_a_unique_amount_pays_its_invoice_by_itself(world: World, people: list[Person]) -> None:
    """BANG-2.4a: recorded by unique amount code, matched to the right invoice."""
    code = await code_of(world, "INV-202601-000002")
    assert (code.amount_minor, code.code) == (200_001, 1)
    done = await bring(world, "2026-01-20,TRSF E-BANKING CR,200001\n2026-01-20,TRSF,200002\n")
    [matched] = done.matched
    assert (matched.reason, done.imported) == ("code", 2)
    assert matched.receipt is not None
    assert matched.receipt.allocations == [["INV-202601-000002", 200_000]]
    assert await world.balance(people[1]) == (1, 0)  # what the code adds is credit
    async with world.database.read() as work:
        assert await work.payment_codes.listed(NOW) == []
    again = await bring(world, "2026-01-19,TRSF E-BANKING CR,200001\n")  # paid twice: a person decides
    assert again.matched == []
    assert [[one.reason.name for one in proposed] for _, proposed in await open_rows(world)] == [[], ["EXPIRED_CODE"]]
    await world.assert_books_hold()


async def test_the_same_row_comes_in_once_however_often_and_in_whatever_file(world: World) -> None:
    first = "2026-01-05,TRSF BUDI,5000\n2026-01-06,TRSF BUDI,5000\n2026-01-06,TRSF BUDI,5000\n"
    second = "2026-01-06,TRSF BUDI,5000\n2026-01-06,TRSF BUDI,5000\n2026-01-07,TRSF BUDI,5000\n"
    assert [(one.imported, one.known) for one in (await bring(world, first), await bring(world, second))] == [
        (3, 0),
        (1, 2),
    ]
    outcomes = await asyncio.gather(*(bring(world, "2026-01-08,TRSF SITI,7000\n") for _ in range(4)))
    assert sorted(one.imported for one in outcomes) == [0, 0, 0, 1]
    assert len(await open_rows(world)) == 5


async def test_broken_rows_are_told_and_the_good_ones_go_in(world: World) -> None:
    done = await bring(world, "2026-01-05,a,5000\n2026-13-05,b,5000\n2026-01-05,c,lima\n2026-01-05,d,-70\n")
    assert (done.rows, done.imported, done.rejected, done.outgoing) == (4, 1, 2, 1)


async def test_what_a_text_names_is_proposed_and_taken_where_it_is_sure(world: World, people: list[Person]) -> None:
    rows = (
        "2026-01-05,TRSF INV 202601 000001 BUDI,200000\n"
        f"2026-01-05,bayar {people[1].number},200000\n"
        "2026-01-05,TRSF joko,150000\n"
        "2026-01-05,TANPA NAMA,77000\n"
    )
    done = await bring(world, rows)
    assert done.matched == []
    proposed = [
        [(one.reason.name, one.subscriber_no, one.is_sure) for one in some] for _, some in await open_rows(world)
    ]
    assert proposed == [
        [],
        [("USERNAME", people[2].number, False)],
        [("SUBSCRIBER_NUMBER", people[1].number, True)],
        [("INVOICE_NUMBER", people[0].number, True)],
    ]
    ids = [row.id for row, _ in await open_rows(world)]
    sure = await matching(world).match_all(ids, AutoMatch.SURE, actor=ACTOR, now=NOW)
    assert sorted(one.reason for one in sure) == ["invoice_number", "subscriber_number"]
    assert [await world.balance(who) for who in people] == [(0, 0), (0, 0), (0, 200_000)]
    with pytest.raises(RefusedError, match=r"may be from .*\(username\); say --to"):
        await matching(world).match(ids[1], actor=ACTOR, now=NOW)
    by_hand = await matching(world).match(ids[1], to="joko", actor=ACTOR, now=NOW)
    assert by_hand.receipt is not None
    assert (by_hand.reason, by_hand.receipt.outstanding_minor) == ("by hand", 50_000)
    await world.assert_books_hold()


async def test_a_row_that_was_recorded_by_hand_is_linked_and_not_paid_twice(world: World, people: list[Person]) -> None:
    paid = await world.pay(people[0], 200_000, date(2026, 1, 4), method="transfer", reference="BCA-7")
    done = await bring(world, "2026-01-05,TRSF budi,200000\n", AutoMatch.SURE)
    assert done.matched == []
    [(row, [first, *_])] = await open_rows(world)
    assert (first.reason.name, str(first.payment_id)) == ("RECORDED", paid.payment_id)
    linked = await matching(world).match(row.id, payment=paid.receipt_no, actor=ACTOR, now=NOW)
    assert (linked.receipt, str(linked.payment_id)) == (None, paid.payment_id)
    assert await world.balance(people[0]) == (0, 0)
    assert await matching(world).undo(row.id, because="salah", actor=ACTOR, now=NOW) is None
    async with world.database.read() as work:
        assert (await work.payments.find(paid.payment_id)).reversed_at is None
    await world.assert_books_hold()


async def test_a_match_is_taken_back_and_made_anew(world: World, people: list[Person]) -> None:
    await bring(world, "2026-01-05,TRSF,200000\n")
    [(row, _)] = await open_rows(world)
    await matching(world).match(row.id, invoice="INV-202601-000001", actor=ACTOR, now=NOW)
    assert await world.balance(people[0]) == (0, 0)
    with pytest.raises(RefusedError, match="matched already, by ani: by hand; `netbilld bank undo`"):
        await matching(world).match(row.id, to="siti", actor=ACTOR, now=NOW)
    undone = await matching(world).undo(row.id, because="salah orang", actor=ACTOR, now=NOW)
    assert undone is not None
    assert (undone.reopened, await world.balance(people[0])) == ([["INV-202601-000001", 200_000]], (0, 200_000))
    await matching(world).match(row.id, to="siti", actor=ACTOR, now=NOW)
    assert await world.balance(people[1]) == (0, 0)
    await matching(world).undo(row.id, because="lagi", actor=ACTOR, now=NOW)
    ignored = await matching(world).ignore(row.id, because="bunga bank", actor=ACTOR, now=NOW)
    assert (ignored.status, await open_rows(world)) == (RowStatus.IGNORED, [])
    await matching(world).undo(row.id, because="bukan", actor=ACTOR, now=NOW)
    assert len(await open_rows(world)) == 1
    with pytest.raises(RefusedError, match="nothing was decided"):
        await matching(world).undo(row.id, because="x", actor=ACTOR, now=NOW)
    with pytest.raises(NotFoundError, match="no row 99"):
        await matching(world).undo(99, because="x", actor=ACTOR, now=NOW)
    await world.assert_books_hold()


async def test_a_row_matched_by_many_at_once_is_one_payment(world: World, people: list[Person]) -> None:
    await bring(world, "2026-01-05,TRSF,200000\n")
    [(row, _)] = await open_rows(world)
    outcomes = await asyncio.gather(
        *(matching(world).match(row.id, to=who.username, actor=ACTOR, now=NOW) for who in people * 2),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Matched) for one in outcomes) == 1
    assert all(isinstance(one, Matched | RefusedError) for one in outcomes)
    assert sum(outstanding for _, outstanding in [await world.balance(who) for who in people]) == 400_000
    await world.assert_books_hold()


async def test_unique_amounts_given_at_once_are_nobody_elses(world: World, people: list[Person]) -> None:
    numbers = [f"INV-202601-00000{n}" for n in range(1, len(people) + 1)]
    codes = await asyncio.gather(*(code_of(world, number) for number in numbers))
    assert sorted(code.code for code in codes) == [1, 2, 3]


async def test_when_all_unique_amounts_are_given_out_it_is_said(world: World, people: list[Person]) -> None:
    async with world.database.write() as work:
        document = await work.invoices.by_number("INV-202601-000001")
        assert document is not None
        for number in range(1, LARGEST_CODE + 1):
            given = PaymentCode(
                document.invoice.id,
                "",
                people[0].subscriber_id,
                number,
                200_000 + number,
                "IDR",
                "open",
                NOW,
                NOW + timedelta(days=number if number > 1 else 0, hours=1),
            )
            assert await work.payment_codes.add(given, "ani")
            assert not await work.payment_codes.add(given, "ani")
    with pytest.raises(RefusedError, match="all 999 unique amounts above 200000 are given out"):
        await code_of(world, "INV-202601-000002")
    issuing = IssuePaymentCode(world.database, CodePolicy(timedelta(days=7)))
    later = NOW + timedelta(hours=2)
    assert (await issuing.run("INV-202601-000002", actor=ACTOR, now=later)).code == 1
