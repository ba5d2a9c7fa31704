"""INCA-29: the wallet renews by itself or not, and bills are charged to a linked account, each once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, gateway_attempts, gateway_mandates, outbox
from netbilld.adapters.gateways.midtrans import Midtrans
from netbilld.adapters.gateways.midtrans_gopay import MidtransGopay
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.mandates import ChargeState, MandateCharge, MandateState
from netbilld.services.charge_mandates import ChargeMandates, ChargePolicy
from netbilld.services.choose_renewal import ChooseRenewal
from netbilld.services.link_mandates import ALLOW_WITHIN, LinkMandates
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.tell_expiring import TellExpiring
from tests.fake_gateways import FakeMidtrans
from tests.integration.gateway_world import PRICE, Shop, shop_of, sqlite_shop_of
from tests.integration.money_world import ACTOR, ZONE, World, at, plan_file

JAN = date(2026, 1, 1)
LAST = date(2026, 1, 31)
PHONE = "0812-3456-7890"
TOKEN_PHONE = "81234567890"


async def test_a_wallet_renews_by_itself_unless_its_subscriber_does_not_want_it(database: Database) -> None:
    """INCA-29: on and off by choice, told when the wallet buys nothing, and bought by hand once for two clicks."""
    world = World(database)
    await world.plan(plan_file("PRA", 100_000, "prepaid"))
    first = await world.person("sendiri", "PRA", activated_on=JAN, paid_until_on=LAST)
    second = await world.person("tangan", "PRA", activated_on=JAN, paid_until_on=LAST)
    for person in (first, second):
        await world.pay(person, 150_000, JAN)
    choose, renew = ChooseRenewal(database, TaxPolicy()), RenewPrepaid(database)
    for _ in range(2):
        await choose.run(second.service_id, by_clock=False, actor=ACTOR, now=at(JAN))
    assert await TellExpiring(database, 3, TaxPolicy()).run(at(LAST)) == 1  # the one whose wallet buys nothing
    over = at(date(2026, 2, 1))
    renewed = await renew.run(now=over, actor=ACTOR)
    assert [one.service_id for one in renewed] == [first.service_id]
    assert await world.balance(second) == (150_000, 0)
    for _ in range(2):
        await choose.renew_now(second.service_id, actor=ACTOR, now=over)
    assert await world.balance(second) == (50_000, 0)
    later = at(date(2026, 3, 2))
    with pytest.raises(RefusedError):
        await choose.renew_now(second.service_id, actor=ACTOR, now=later)
    await choose.run(second.service_id, by_clock=True, actor=ACTOR, now=later)
    await world.pay(second, 50_000, date(2026, 3, 2))  # a payment renews in any case
    async with database.read() as work:
        assert await work.prepaid.by_hand(second.service_id) is None
        query = select(func.count()).select_from(changes).where(changes.c.action == "service.renewal")
        assert await work.connection.scalar(query) == 2
    assert await world.balance(second) == (0, 0)
    with pytest.raises(NotFoundError):
        await choose.run(first.subscriber_id, by_clock=False, actor=ACTOR, now=later)
    await world.assert_books_hold()


@dataclass(slots=True)
class Auto:
    """A shop whose subscriber may link GoPay."""

    shop: Shop
    fake: FakeMidtrans
    link: LinkMandates
    charge: ChargeMandates

    async def ask(self, phone: str = PHONE) -> str:
        """Ask for an account, and return where it is allowed."""
        url = "https://portal.example.net/akun/bayar-otomatis"
        made = await self.link.begin(
            self.shop.person.subscriber_id, phone, return_url=url, actor=ACTOR, now=self.shop.now
        )
        return made.link_url or ""

    async def linked(self) -> None:
        """Link the account, and have its owner allow it."""
        assert await self.ask()
        self.fake.allow(TOKEN_PHONE)
        self.shop.now += timedelta(minutes=1)
        await self.link.look()
        assert await self.state() == MandateState.ACTIVE

    async def state(self) -> MandateState | None:
        """Return how the account that may be charged is."""
        found = await self.link.shown(self.shop.person.subscriber_id)
        return None if found is None else found.state

    async def end(self, reason: str = "subscriber") -> None:
        """End it."""
        await self.link.end(self.shop.person.subscriber_id, reason, actor=ACTOR, now=self.shop.now)

    async def charges(self) -> list[MandateCharge]:
        """Return what was charged."""
        async with self.shop.database.read() as work:
            return list(await work.mandates.charges(self.shop.person.subscriber_id, 50))

    async def states(self) -> list[str]:
        """Return what became of what was charged."""
        return [one.state.value for one in await self.charges()]

    async def due(self) -> None:
        """Let the day come, and have everything looked at often enough."""
        self.shop.now = max(self.shop.now, at(date(2026, 1, 10)))
        for _ in range(8):
            await self.charge.run()
            self.shop.now += timedelta(minutes=11)
            await self.shop.follow.look()

    async def told(self) -> int:
        """Return how many failures the subscriber was told of."""
        query = select(func.count()).select_from(outbox).where(outbox.c.kind == "charge_failed")
        async with self.shop.database.read() as work:
            return int(await work.connection.scalar(query) or 0)


def auto_of(shop: Shop, fake: FakeMidtrans, store: Any = None) -> Auto:
    """Compose it; `store` is what charges are written to."""
    assert isinstance(shop.gateway, Midtrans)
    gopay = MidtransGopay(shop.gateway)
    link = LinkMandates(shop.database, shop.box, [gopay], lambda: shop.now)
    policy = ChargePolicy(1, ZONE, "Desa Net")
    charge = ChargeMandates(
        store or shop.database, shop.box, [(gopay, shop.gateway)], shop.follow, link, policy, lambda: shop.now, urandom
    )
    return Auto(shop, fake, link, charge)


@pytest.fixture
async def auto(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Auto]:
    fake = FakeMidtrans()
    async with sqlite_shop_of(sqlite_template, tmp_path, box, fake) as shop:
        yield auto_of(shop, fake)


@pytest.fixture
async def any_auto(database: Database, box: SecretBox) -> AsyncIterator[Auto]:
    fake = FakeMidtrans()
    async with shop_of(database, box, fake) as shop:
        yield auto_of(shop, fake)
        await shop.world.assert_books_hold()


async def test_a_bill_is_charged_to_a_linked_account_a_day_before_it_is_due_and_once(any_auto: Auto) -> None:
    """INCA-29: linked by its owner at the gateway, its name kept sealed, the bill Lunas, one receipt."""
    auto, shop = any_auto, any_auto.shop
    assert await auto.charge.run() == 0  # nothing is linked
    await auto.linked()
    async with shop.database.read() as work:
        row = (await work.connection.execute(select(gateway_mandates))).mappings().one()
    [token] = auto.fake.accounts
    assert token.encode() not in row["token_sealed"]
    assert row["label"] == "0812•••7890"
    assert await auto.charge.run() == 0  # due on the 11th
    await auto.due()
    assert await auto.states() == ["paid"]
    assert await shop.paid() == (0, 0, 1)
    assert await shop.receipts() == 1
    assert auto.fake.accounts[token].balance == 1_000_000 - PRICE
    [ref] = auto.fake.payments
    await auto.fake.tell(ref)  # and its callback, late
    await shop.settle()
    assert await shop.paid() == (0, 0, 1)
    assert await auto.told() == 0


async def test_nothing_is_linked_that_its_owner_has_not_allowed(auto: Auto) -> None:
    with pytest.raises(InvalidInputError):
        await auto.ask("bukan nomor")
    first = await auto.ask()
    assert await auto.ask() == first  # two clicks
    assert len(auto.fake.accounts) == 1
    auto.shop.now += timedelta(minutes=1)
    await auto.link.look()
    assert await auto.state() == MandateState.ASKED
    await auto.due()
    assert not auto.fake.payments
    auto.shop.now += ALLOW_WITHIN
    await auto.link.look()
    assert await auto.state() is None
    await auto.ask()
    await auto.ask("0813 1111 2222")  # another number takes its place
    auto.shop.now += timedelta(minutes=1)
    await auto.link.look()
    assert [one.status for one in auto.fake.accounts.values()][1:] == ["DISABLED", "PENDING"]
    for number in range(3):
        await auto.ask(f"0813 1111 333{number}")
    with pytest.raises(RefusedError):
        await auto.ask("0813 1111 4444")


@pytest.mark.parametrize("why", ["no balance", "pin", "unlinked in the app"])
async def test_a_charge_that_fails_is_told_once_and_not_tried_again(auto: Auto, why: str) -> None:
    """INCA-29: then the ordinary reminders go on."""
    await auto.linked()
    [account] = auto.fake.accounts.values()
    if why == "no balance":
        account.balance = PRICE - 1
    elif why == "pin":
        auto.fake.asks_pin = True
    else:
        account.status = "DISABLED"
    await auto.due()
    await auto.due()
    assert await auto.states() == ["failed"]
    assert await auto.told() == 1
    assert await auto.shop.paid() == (PRICE, 0, 0)
    assert all(one.status in {"deny", "expire"} for one in auto.fake.payments.values())
    assert len(auto.fake.payments) <= 1
    assert await auto.state() == (None if why == "unlinked in the app" else MandateState.ACTIVE)


@pytest.mark.parametrize("faults", [[500, 503], [0, -1, 0], [-1] * 5])
async def test_a_gateway_that_breaks_off_takes_the_money_once(auto: Auto, faults: list[int]) -> None:
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    auto.fake.faults = list(faults)
    await auto.due()
    assert await auto.states() == ["paid"]
    assert len(auto.fake.payments) == 1
    assert await auto.shop.paid() == (0, 0, 1)
    assert [one.balance for one in auto.fake.accounts.values()] == [1_000_000 - PRICE]


class KilledError(BaseException):
    """What a process that is killed never gets to hear."""


class Dying:
    """A store that ends the process at its n-th write: before it is committed, or right after."""

    def __init__(self, database: Database, at_write: int, *, committed: bool) -> None:
        self._database, self._left, self._committed = database, at_write, committed

    def read(self) -> Any:
        return self._database.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        self._left -= 1
        async with self._database.write() as work:
            yield work
            if self._left == 0 and not self._committed:
                raise KilledError
        if self._left == 0:
            raise KilledError


@pytest.mark.parametrize(("at_write", "committed"), [(1, False), (1, True), (2, True), (3, False)])
async def test_a_charge_that_is_killed_anywhere_is_made_once(auto: Auto, at_write: int, committed: bool) -> None:
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    dying = auto_of(auto.shop, auto.fake, Dying(auto.shop.database, at_write, committed=committed))
    with pytest.raises(KilledError):
        await dying.charge.run()
    await auto.due()
    assert await auto.states() == ["paid"]
    assert len(auto.fake.payments) == 1
    assert await auto.shop.paid() == (0, 0, 1)


async def test_two_nodes_at_once_charge_once(any_auto: Auto) -> None:
    auto = any_auto
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    await asyncio.gather(*(auto.charge.run() for _ in range(3)))
    await auto.due()
    assert await auto.states() == ["paid"]
    assert len(auto.fake.payments) == 1


async def test_what_is_paid_otherwise_is_charged_no_more(auto: Auto) -> None:
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    auto.fake.faults = [500] * 2
    await auto.charge.run()  # begun, and the gateway is away
    assert await auto.states() == ["begun"]
    await auto.shop.world.pay(auto.shop.person, PRICE, auto.shop.now.date())
    auto.fake.faults = []
    await auto.due()
    assert await auto.states() == ["dropped"]
    assert not auto.fake.payments
    assert await auto.told() == 0


async def test_no_more_is_charged_than_is_still_owed(auto: Auto) -> None:
    """The gateway is away, and a part is paid at the counter meanwhile."""
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    auto.fake.faults = [500] * 2
    await auto.charge.run()
    await auto.shop.world.pay(auto.shop.person, PRICE - 50_000, auto.shop.now.date())
    auto.fake.faults = []
    await auto.due()
    assert await auto.states() == ["dropped"]
    assert not auto.fake.payments
    assert await auto.shop.paid() == (50_000, 0, 1)


async def test_a_payment_that_can_t_be_ended_just_now_is_ended_later(
    auto: Auto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that is away is no fault of the program."""
    await auto.linked()
    auto.shop.now = at(date(2026, 1, 10))
    auto.fake.asks_pin = True
    answer = auto.fake.answer

    async def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503) if request.path.endswith("/expire") else await answer(request)

    monkeypatch.setattr(auto.fake, "answer", away)
    await auto.charge.run()
    [charge] = await auto.charges()
    assert (charge.state, charge.trouble) == (ChargeState.BEGUN, "midtrans answers 503")
    monkeypatch.undo()
    await auto.due()
    assert await auto.states() == ["failed"]
    assert await auto.told() == 1


@pytest.mark.parametrize("reason", ["subscriber", "staff"])
async def test_unlinking_ends_charges_at_once_and_the_gateway_is_told_when_it_hears(auto: Auto, reason: str) -> None:
    """INCA-29: by the subscriber or by staff, on the trail of changes."""
    await auto.linked()
    await auto.end(reason)
    assert await auto.state() is None
    with pytest.raises(NotFoundError):
        await auto.end(reason)
    auto.fake.faults = [500, 0]
    await auto.due()
    assert not auto.fake.payments
    for _ in range(3):
        auto.shop.now += timedelta(hours=1)
        await auto.link.look()
    assert [one.status for one in auto.fake.accounts.values()] == ["DISABLED"]
    async with auto.shop.database.read() as work:
        [kept] = await work.mandates.of(auto.shop.person.subscriber_id, 5)
        actions = set(await work.connection.scalars(select(changes.c.action).where(changes.c.entity == "mandate")))
        assert await work.connection.scalar(select(func.count()).select_from(gateway_attempts)) == 0
    assert (kept.state, kept.reason, kept.token_sealed) == (MandateState.ENDED, reason, None)
    assert actions == {"mandate.ask", "mandate.link", "mandate.end"}
