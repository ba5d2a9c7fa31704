"""Whatever is paid, bounces, is refunded, moved and put elsewhere, in whatever order: the books hold, nothing is lost."""

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import accounts, allocations, invoices, payments, refunds
from netbilld.billing.allocation import Choice, Owed, allocate
from netbilld.billing.numbering import DEFAULT
from netbilld.billing.payment import Withheld
from netbilld.billing.payment_code import LARGEST_CODE, choose_code
from netbilld.model.errors import RefusedError
from netbilld.model.periods import next_anchor
from netbilld.services.allocate_wallet import AllocateWallet
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.receive_payment import PaymentReceipt, WithheldPart
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.show_account import ShowAccount
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file

JAN = date(2026, 1, 1)


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, 10**6), max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(1, 10**6)), max_size=4),
    st.booleans(),
)
def test_a_chosen_allocation_conserves_money_and_gives_each_choice_what_was_chosen(
    amount: int, outstanding: list[int], wanted: list[tuple[int, int | None]], only: bool
) -> None:
    owed = [Owed(UUID(int=n), f"INV-{n}", JAN, minor) for n, minor in enumerate(outstanding)]
    chosen = [Choice(f"inv-{n}", minor) for n, minor in wanted]
    try:
        allocation = allocate(amount, owed, chosen, rest_to_wallet=only)
    except RefusedError:
        return
    assert allocation.settled_minor + allocation.rest_minor == amount
    given_to = {part.number: part.amount_minor for part in allocation.parts}
    assert len(given_to) == len(allocation.parts)
    assert all(0 < minor <= outstanding[int(number.removeprefix("INV-"))] for number, minor in given_to.items())
    for number, minor in wanted:
        if minor is not None:
            assert given_to[f"INV-{number}"] == minor
    if only:
        assert given_to.keys() <= {f"INV-{number}" for number, _ in wanted}


@given(st.integers(1, 10**9), st.sets(st.integers(1, LARGEST_CODE)), st.sets(st.integers(1, LARGEST_CODE)))
def test_a_unique_amount_is_nobody_elses(open_minor: int, taken: set[int], resting: set[int]) -> None:
    amounts = {open_minor + code for code in taken}
    if len(taken) == LARGEST_CODE:
        with pytest.raises(RefusedError, match="given out"):
            choose_code(open_minor, amounts)
        return
    code = choose_code(open_minor, amounts, {open_minor + code for code in resting})
    assert 1 <= code <= LARGEST_CODE
    assert code not in taken
    assert code not in resting or len(taken | resting) == LARGEST_CODE


class Shop:
    """Two postpaid people, one prepaid, and everything that can happen to their money."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self.world, self.chance = World(database), chance
        self.people: list[Person] = []
        self.paid: dict[str, Person] = {}  # that were not taken back
        self.month = JAN
        self.references = count()

    async def open(self) -> None:
        await self.world.plan(plan_file())
        await self.world.plan(plan_file("PRA", 70_000, "prepaid", "7d"))
        for name, plan in (("budi", "HOME20"), ("siti", "HOME20"), ("pra", "PRA")):
            self.people.append(await self.world.person(name, plan, activated_on=JAN))

    async def bill(self) -> None:
        await self.world.bill(self.month)
        self.month = next_anchor(self.month, 1)

    async def pay(self) -> None:
        who, amount = self.chance.choice(self.people), self.chance.choice([1, 999, 50_000, 200_000, 430_000])
        chosen: list[Choice] = []
        async with self.world.database.read() as work:
            still_open = await work.invoices.open_of(who.subscriber_id)
        if still_open and self.chance.random() < 0.5:
            chosen.append(Choice(self.chance.choice(still_open).number or ""))
        kept = [WithheldPart(Withheld.PPH23, f"BP{next(self.references)}", 4_000)] if self.chance.random() < 0.2 else []
        outcome = await self.world.payments.run(
            who.username,
            amount,
            method=self.chance.choice(["cash", "transfer"]),
            reference=f"R{next(self.references)}",
            received_on=None,
            actor=ACTOR,
            now=at(self.month, 10),
            chosen=chosen,
            rest_to_wallet=bool(chosen) and self.chance.random() < 0.5,
            withheld=kept,
        )
        assert isinstance(outcome, PaymentReceipt)
        self.paid[outcome.payment_id] = who

    async def reverse(self) -> None:
        payment, _ = self._payment()
        await ReversePayment(self.world.database, timezone=ZONE).run(
            payment, because="batal", actor=ACTOR, now=at(self.month, 11)
        )
        if self.chance.random() < 0.8:  # else it is tried again, and refused
            del self.paid[payment]

    async def move(self) -> None:
        payment, _ = self._payment()
        to = self.chance.choice(self.people)
        done = await ReversePayment(self.world.database, timezone=ZONE).move(
            payment, to.username, because="x", actor=ACTOR, now=at(self.month, 11)
        )
        assert done.moved_to is not None
        del self.paid[payment]
        self.paid[done.moved_to.payment_id] = to

    async def refund(self) -> None:
        await RefundWallet(self.world.database, timezone=ZONE).run(
            self.chance.choice(self.people).username,
            self.chance.choice([None, 1, 60_000]),
            method="cash",
            because="minta",
            actor=ACTOR,
            now=at(self.month, 12),
        )

    async def allocate(self) -> None:
        payment, who = self._payment()
        await AllocateWallet(self.world.database, timezone=ZONE).run(
            who.username,
            actor=ACTOR,
            now=at(self.month, 12),
            payment=payment if self.chance.random() < 0.7 else None,
        )

    async def correct(self) -> None:
        async with self.world.database.read() as work:
            listed = await work.invoices.listed()
        if not listed:
            raise RefusedError("nothing was billed")
        number, correcting = (
            self.chance.choice(listed).number,
            CorrectInvoice(self.world.database, numbering=DEFAULT, timezone=ZONE),
        )
        if self.chance.random() < 0.5:
            await correcting.credit(number, [], why="salah", actor=ACTOR, now=at(self.month, 13))
        else:
            await correcting.write_off(number, None, why="pindah", actor=ACTOR, now=at(self.month, 13))

    def _payment(self) -> tuple[str, Person]:
        if not self.paid:
            raise RefusedError("nothing was paid")
        return self.chance.choice(list(self.paid.items()))

    async def check(self) -> None:
        """Assert that the books hold, that no wallet is below zero, and that all money is somewhere."""
        await self.world.assert_books_hold()
        async with self.world.database.read() as work:
            run = work.connection
            received = await run.scalar(
                select(func.sum(payments.c.amount_minor)).where(payments.c.status == "received")
            )
            back = await run.scalar(select(func.sum(refunds.c.amount_minor)))
            held = select(func.sum(accounts.c.balance_minor)).where(
                accounts.c.code.like("cash:%") | accounts.c.code.in_(["pph23", "ppn_withheld"])
            )
            assert (await run.scalar(held) or 0) == (received or 0) - (back or 0)
            wallets = select(accounts.c.balance_minor).where(accounts.c.code.like("wallet:%"))
            assert all(minor >= 0 for minor in await run.scalars(wallets))
            over = (
                select(payments.c.id)
                .join(allocations, allocations.c.payment_id == payments.c.id)
                .group_by(payments.c.id, payments.c.amount_minor, payments.c.status)
                .having(
                    (func.sum(allocations.c.amount_minor) > payments.c.amount_minor)
                    | (func.sum(allocations.c.amount_minor) < 0)
                    | ((payments.c.status == "reversed") & (func.sum(allocations.c.amount_minor) != 0))
                )
            )
            assert (await run.execute(over)).all() == []
            below = select(invoices.c.number).where(
                (invoices.c.paid_minor < 0) | (invoices.c.paid_minor > invoices.c.total_minor)
            )
            assert (await run.execute(below)).all() == []
        for who in self.people:  # what the portal says is what the ledger says
            shown = await ShowAccount(self.world.database).balance(who.service_id, None, at(self.month, 14))
            assert shown is not None
            assert (shown.wallet_minor, shown.outstanding_minor) == await self.world.balance(who)


async def _history(template: Path, seed: int, steps: int) -> Counter[str]:
    chance, happened = random.Random(seed), Counter[str]()
    with TemporaryDirectory() as directory:
        path = Path(directory) / "netbilld.db"
        shutil.copyfile(template, path)
        database = Database(sqlite_url(path))
        try:
            shop = Shop(database, chance)
            await shop.open()
            acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
                (shop.bill, 1),
                (shop.pay, 5),
                (shop.reverse, 3),
                (shop.move, 2),
                (shop.refund, 2),
                (shop.allocate, 2),
                (shop.correct, 1),
            ]
            for _ in range(steps):
                [act] = chance.choices([act for act, _ in acts], [weight for _, weight in acts])
                try:
                    await act()
                    happened[act.__name__] += 1
                except RefusedError:
                    happened["refused"] += 1
                await shop.check()
        finally:
            await database.close()
    return happened


@settings(max_examples=8)
@given(st.integers(0, 2**32))
def test_whatever_happens_to_payments_the_books_hold_and_no_money_is_lost(sqlite_template: Path, seed: int) -> None:
    """MDI-13: and after each step the portal's totals are the ledger's, for every subscriber."""
    happened = asyncio.run(_history(sqlite_template, seed, 25))
    assert sum(happened.values()) == 25


@pytest.mark.soak
def test_long_histories_of_payments_hold(sqlite_template: Path) -> None:
    happened = Counter[str]()
    for seed in range(40):
        happened += asyncio.run(_history(sqlite_template, seed, 100))
    assert all(
        happened[name] > 50 for name in ("bill", "pay", "reverse", "move", "refund", "allocate", "correct", "refused")
    )


async def _outcome(template: Path, amounts: list[int], bounced: set[int], seed: int) -> tuple[tuple[int, int], int]:
    """Return (wallet, outstanding) and the cash after payments, each reported up to three times, and reversals."""
    chance = random.Random(seed)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "netbilld.db"
        shutil.copyfile(template, path)
        database = Database(sqlite_url(path))
        try:
            world = World(database)
            await world.plan(plan_file())
            who = await world.person("budi", activated_on=JAN)
            await world.bill(JAN)
            await world.bill(date(2026, 2, 1))
            events = [n for n in range(len(amounts)) for _ in range(chance.randint(1, 3))]
            events += [~n for n in bounced for _ in range(chance.randint(1, 2))]
            chance.shuffle(events)
            ids: dict[int, str] = {}
            for event in [*events, *(~n for n in bounced)]:
                number = event if event >= 0 else ~event
                try:
                    if event < 0:
                        if number in ids:
                            await ReversePayment(database, timezone=ZONE).run(
                                ids[number], because="x", actor=ACTOR, now=at(JAN, 12)
                            )
                        continue
                    outcome = await world.pay_raw(who, amounts[number], JAN, reference=f"T{number}")
                    if isinstance(outcome, PaymentReceipt):
                        ids[number] = outcome.payment_id
                except RefusedError:
                    continue  # reversed already
            await world.assert_books_hold()
            async with database.read() as work:
                held = await work.connection.scalar(
                    select(accounts.c.balance_minor).where(accounts.c.code == "cash:cash")
                )
            return await world.balance(who), int(held or 0)
        finally:
            await database.close()


@settings(max_examples=10)
@given(st.lists(st.integers(1, 500_000), min_size=1, max_size=5), st.data())
def test_any_order_and_repetition_of_payments_and_reversals_gives_the_same_ledger(
    sqlite_template: Path, amounts: list[int], data: st.DataObject
) -> None:
    bounced = data.draw(st.sets(st.integers(0, len(amounts) - 1)))
    outcomes = {asyncio.run(_outcome(sqlite_template, amounts, bounced, seed)) for seed in (1, 2, 3)}
    stays = sum(minor for number, minor in enumerate(amounts) if number not in bounced)
    assert outcomes == {((max(0, stays - 400_000), max(0, 400_000 - stays)), stays)}
