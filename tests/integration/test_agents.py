"""Agents on SQLite and PostgreSQL: deposit, vouchers and top-ups sold from it, and nobody else's subscribers."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.sign_in import LockedOut, WrongNameOrPassword
from netbilld.services.sign_in_agent import SignedInAgent, SignInAgent
from tests.agent_town import SECRET, Town
from tests.builders.services import ZONE
from tests.panel_fixture import PASSWORDS
from tests.report_world import report
from tests.voucher_world import ANI, T0

pytestmark = pytest.mark.slow


@pytest.fixture
async def town(database: Database, box: SecretBox) -> Town:
    made = Town(database, box)
    await made.begin()
    return made


async def test_a_deposit_is_booked_once_and_sold_from(town: Town) -> None:
    for _ in range(2):
        await town.agents.deposit("sari", 10_000, actor=ANI, now=T0, idempotency_key="deposit-1")
    number = await town.for_agents()
    sold = [
        await town.selling.sell_vouchers("sari", number, 2, actor=ANI, now=T0, key="agent:sari:1") for _ in range(2)
    ]
    assert [one.code for one in sold[0].vouchers] == [one.code for one in sold[1].vouchers]
    assert (sold[0].sale.paid_minor, sold[0].sale.commission_minor) == (10_000, 2_000)
    assert await town.balance("agent:sari") == 2_000
    assert await town.balance("revenue:voucher") == 10_000
    assert await town.balance("expense:commission") == 2_000
    assert await town.balance("cash:cash") == 10_000
    assert await town.books_are_right()
    with pytest.raises(RefusedError) as refused:
        await town.selling.sell_vouchers("sari", number, 1, actor=ANI, now=T0, key="agent:sari:2")
    assert refused.value.code == "deposit_too_small"


async def test_a_top_up_goes_from_the_deposit_to_the_subscriber_less_the_commission(town: Town) -> None:
    await town.agents.deposit("sari", 100_000, actor=ANI, now=T0)
    receipts = [
        await town.selling.top_up("sari", town.numbers["budi"], 50_000, actor=ANI, now=T0, key="agent:sari:t1")
        for _ in range(2)
    ]
    assert receipts[0].payment_id == receipts[1].payment_id
    assert receipts[0].wallet_minor == 50_000
    assert await town.balance("agent:sari") == 51_000  # 2 % of it is the agent's
    assert await town.balance(f"wallet:{town.numbers['budi']}") == 50_000
    assert await town.books_are_right()
    async with town.database.read() as work:
        mine = await work.agents.payments("sari")
        assert [(one.number, one.commission_minor) for one in mine] == [(town.numbers["budi"], 1_000)]
        assert await work.agents.payment("joko", UUID(receipts[0].payment_id)) is None


async def test_an_agent_sees_and_serves_nobody_elses_subscribers(town: Town) -> None:
    await town.agents.deposit("joko", 100_000, actor=ANI, now=T0)
    async with town.database.read() as work:
        assert [one.number for one in await work.agents.served("sari")] == [town.numbers["budi"]]
        assert await work.agents.served("joko") == []
    for number in (town.numbers["budi"], town.numbers["tono"], "999999", "budi"):
        with pytest.raises(NotFoundError):
            await town.selling.top_up("joko", number, 10_000, actor=ANI, now=T0, key=f"agent:joko:{number}")
    await town.agents.serve("joko", town.numbers["budi"], True, actor=ANI, now=T0)  # from now on his, not hers
    with pytest.raises(NotFoundError):
        await town.selling.top_up("sari", town.numbers["budi"], 10_000, actor=ANI, now=T0, key="agent:sari:x")
    assert await town.balance("agent:joko") == 100_000


async def test_another_agents_sale_and_printed_vouchers_are_not_there(town: Town) -> None:
    await town.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    printed = await town.batch(3, agent_price_minor=4_000)  # on paper somewhere: whoever has it uses it
    with pytest.raises(NotFoundError):
        await town.selling.sell_vouchers("sari", printed.number, 1, actor=ANI, now=T0, key="agent:sari:p")
    sold = await town.selling.sell_vouchers("sari", await town.for_agents(), 1, actor=ANI, now=T0, key="agent:sari:q")
    assert (await town.selling.sold("sari", sold.sale.id)).vouchers == sold.vouchers
    with pytest.raises(NotFoundError):
        await town.selling.sold("joko", sold.sale.id)


async def test_sales_at_once_never_take_more_than_the_deposit(town: Town) -> None:
    await town.agents.deposit("sari", 13_000, actor=ANI, now=T0)
    number = await town.for_agents(10)

    async def sell(key: int) -> bool:
        try:
            await town.selling.sell_vouchers("sari", number, 1, actor=ANI, now=T0, key=f"agent:sari:{key}")
        except RefusedError:
            return False
        return True

    assert sum(await asyncio.gather(*(sell(key) for key in range(6)))) == 3
    assert await town.balance("agent:sari") == 1_000


async def test_top_ups_at_once_never_take_more_than_the_deposit(town: Town) -> None:
    await town.agents.deposit("sari", 13_000, actor=ANI, now=T0)

    async def top_up(key: int) -> bool:
        try:
            await town.selling.top_up("sari", town.numbers["budi"], 5_000, actor=ANI, now=T0, key=f"agent:sari:{key}")
        except RefusedError as refused:
            assert refused.code == "deposit_too_small"  # noqa: PT017 - any other fails
            return False
        return True

    assert sum(await asyncio.gather(*(top_up(key) for key in range(6)))) == 2
    assert await town.balance("agent:sari") == 13_000 - 2 * 4_900
    assert await town.balance(f"wallet:{town.numbers['budi']}") == 10_000


async def test_a_deposit_in_cash_lies_with_the_collector_who_took_it(town: Town) -> None:
    keep = KeepCollectors(town.database, timezone=ZONE, currency="IDR")
    await keep.add("agus", "Agus Salim", staff=ANI.name, actor=ANI, now=T0)
    await town.agents.deposit("sari", 10_000, actor=ANI, now=T0)
    await town.agents.deposit("sari", 5_000, actor=ANI, now=T0, method="transfer")
    assert [await town.balance(code) for code in ("collector:agus", "cash:transfer")] == [10_000, 5_000]
    with pytest.raises(NotFoundError):  # nothing has come to the office's till
        await town.balance("cash:cash")


async def test_what_can_t_begin_any_more_is_sold_by_no_agent_and_only_ones_own_subscriber_is_left(town: Town) -> None:
    await town.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    batch = await town.batch(3, is_only_sold=True, agent_price_minor=4_000, use_by_at=T0 + timedelta(days=1))
    late = T0 + timedelta(days=2)
    async with town.database.read() as work:
        assert [one.number for one in await work.agents.on_sale(T0)] == [batch.number]
        assert await work.agents.on_sale(late) == []
    with pytest.raises(NotFoundError):
        await town.selling.sell_vouchers("sari", batch.number, 1, actor=ANI, now=late, key="agent:sari:1")
    await town.agents.serve("joko", town.numbers["budi"], False, actor=ANI, now=T0)
    async with town.database.read() as work:
        assert [one.number for one in await work.agents.served("sari")] == [town.numbers["budi"]]


async def test_a_new_password_ends_every_log_in_but_the_one_that_set_it(town: Town) -> None:
    sign_in = SignInAgent(town.database, PASSWORDS, entropy, timedelta(hours=12))

    async def token(password: str) -> str:
        outcome = await sign_in.handle("sari", password, "192.0.2.7", T0)
        assert isinstance(outcome, SignedInAgent)
        return outcome.token

    mine, elsewhere = await token(SECRET), await token(SECRET)
    await town.agents.new_password("sari", SECRET, "baru-sekali-1", token=mine, actor=ANI, now=T0)
    assert await sign_in.of_token(mine, T0) is not None
    assert await sign_in.of_token(elsewhere, T0) is None
    other = await token("baru-sekali-1")
    await town.agents.change("sari", actor=ANI, now=T0, password="dari-kantor-1")  # by staff, for who has lost it
    assert [await sign_in.of_token(one, T0) for one in (mine, other)] == [None, None]
    assert isinstance(await sign_in.handle("sari", "baru-sekali-1", "192.0.2.7", T0), WrongNameOrPassword)


async def test_an_agent_signs_in_with_their_own_password_and_is_locked_out_of_guessing(town: Town) -> None:
    sign_in = SignInAgent(town.database, PASSWORDS, bytes_of, timedelta(hours=12))
    outcome = await sign_in.handle(" Sari ", SECRET, "192.0.2.7", T0)
    assert isinstance(outcome, SignedInAgent)
    login = await sign_in.of_token(outcome.token, T0)
    assert login is not None
    assert login.agent == "sari"
    assert await sign_in.of_token(outcome.token, T0 + timedelta(hours=13)) is None
    with pytest.raises(RefusedError):
        await town.agents.new_password("sari", "salah", "baru-sekali-1", token=outcome.token, actor=ANI, now=T0)
    with pytest.raises(InvalidInputError):
        await town.agents.new_password("sari", SECRET, "pendek", token=outcome.token, actor=ANI, now=T0)
    await town.agents.change("sari", actor=ANI, now=T0, active=False)
    assert await sign_in.of_token(outcome.token, T0) is None
    assert isinstance(await sign_in.handle("sari", SECRET, "192.0.2.7", T0), WrongNameOrPassword)
    for _ in range(6):
        last = await sign_in.handle("joko", "tebak", "192.0.2.8", T0)
    assert isinstance(last, LockedOut)


def bytes_of(count: int) -> bytes:
    return bytes(range(count))


async def test_a_payment_through_an_agent_that_is_reversed_goes_back_into_the_deposit(town: Town) -> None:
    await town.agents.deposit("sari", 100_000, actor=ANI, now=T0)
    taken = await town.selling.top_up("sari", town.numbers["budi"], 50_000, actor=ANI, now=T0, key="agent:sari:t1")
    reversing = ReversePayment(town.database, timezone=ZONE)
    with pytest.raises(RefusedError) as refused:  # nobody else's subscriber is theirs
        await reversing.move(taken.payment_id, "tono", because="salah orang", actor=ANI, now=T0)
    assert refused.value.code == "through_an_agent"
    await reversing.run(taken.payment_id, because="salah ketik", actor=ANI, now=T0)
    assert await town.balance("agent:sari") == 100_000
    assert await town.balance("expense:commission") == 0
    assert await town.books_are_right()
    async with town.database.read() as work:
        [mine] = await work.agents.payments("sari")
    assert mine.is_reversed


async def test_what_comes_through_an_agent_is_in_the_report_of_payments_as_in_the_ledger(town: Town) -> None:
    await town.agents.deposit("sari", 100_000, actor=ANI, now=T0)
    await town.selling.top_up("sari", town.numbers["budi"], 50_000, actor=ANI, now=T0, key="agent:sari:t1")
    await ReceivePayment(town.database, timezone=ZONE).run(
        "tono", 7_000, method="cash", reference=None, received_on=None, actor=ANI, now=T0
    )
    found = await report(town.database, "payments", T0.date(), T0.date(), "method")
    assert [(one["method"], one["amount"]) for one in found["rows"]] == [("agent", 50_000), ("cash", 7_000)]


async def test_many_small_payments_bring_an_agent_no_more_commission_than_one(town: Town) -> None:
    await town.agents.deposit("sari", 1_000, actor=ANI, now=T0)
    for count in range(10):
        key = f"agent:sari:{count}"
        await town.selling.top_up("sari", town.numbers["budi"], 25, actor=ANI, now=T0, key=key)  # 2 % is half a rupiah
    assert await town.balance("agent:sari") == 750
    assert await town.books_are_right()


async def test_what_is_left_of_a_deposit_is_paid_out_once_and_never_more(town: Town) -> None:
    await town.agents.deposit("sari", 10_000, actor=ANI, now=T0)
    await town.agents.change("sari", actor=ANI, now=T0, active=False)
    with pytest.raises(RefusedError) as refused:
        await town.agents.pay_out("sari", 10_001, actor=ANI, now=T0)
    assert refused.value.code == "deposit_too_small"
    for _ in range(2):
        await town.agents.pay_out("sari", 10_000, actor=ANI, now=T0, reference="berhenti", idempotency_key="out-1")
    assert (await town.balance("agent:sari"), await town.balance("cash:cash")) == (0, 0)
    assert await town.books_are_right()


async def test_an_agent_who_was_ended_a_moment_ago_sells_nothing_more(town: Town) -> None:
    await town.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    number = await town.for_agents()
    await town.agents.change("sari", actor=ANI, now=T0, active=False)  # while a form was on its way
    with pytest.raises(RefusedError):
        await town.selling.sell_vouchers("sari", number, 1, actor=ANI, now=T0, key="agent:sari:1")
    with pytest.raises(RefusedError):
        await town.selling.top_up("sari", town.numbers["budi"], 1_000, actor=ANI, now=T0, key="agent:sari:2")
    assert await town.balance("agent:sari") == 50_000


async def test_a_user_name_that_looks_like_a_number_leads_no_agents_money_astray(town: Town) -> None:
    await town.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    manage = ManageSubscribers(town.database, town.box, Defaults("IDR", ZONE))
    await manage.add(NewService(town.numbers["budi"], "HOME20", "rahasia123"), ANI, T0)  # somebody else's user name
    done = await town.selling.top_up("sari", town.numbers["budi"], 5_000, actor=ANI, now=T0, key="agent:sari:1")
    assert (done.subscriber_no, await town.balance(f"wallet:{town.numbers['budi']}")) == (town.numbers["budi"], 5_000)
    await town.agents.serve("sari", town.numbers["budi"], False, actor=ANI, now=T0)
    async with town.database.read() as work:
        assert await work.agents.served("sari") == []
