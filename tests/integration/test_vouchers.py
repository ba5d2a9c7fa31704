"""Vouchers on SQLite and PostgreSQL: made, sold, used for the first time on any router, extended, taken back, over."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import services, subscribers, usage_periods, vouchers
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.billing.standing import StandingPolicy
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.voucher import CodeKind, VoucherStatus
from netbilld.radius.attributes import SESSION_TIMEOUT
from netbilld.radius.codes import Code
from netbilld.radius.packet import decode, encode
from netbilld.radius.realms import Realms
from netbilld.services.explain import Explain
from netbilld.services.explain_words import Teller
from netbilld.services.make_vouchers import NewBatch
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from tests.builders.services import GARDEN, ZONE
from tests.radius_requests import AUTHENTICATOR
from tests.voucher_world import ANI, HOTSPOT_DAY, HOTSPOT_QUOTA, POP1, POP2, POP3, T0, A, B, C, Kiosk, Node

pytestmark = pytest.mark.slow


@pytest.fixture
async def kiosk(database: Database, box: SecretBox) -> Kiosk:
    made = Kiosk(database, box)
    await made.open()
    return made


@pytest.fixture
async def node(kiosk: Kiosk) -> Node:
    return Node(kiosk)


async def test_a_stolen_database_holds_no_code(kiosk: Kiosk) -> None:
    batch = await kiosk.batch(3)
    codes = [one.code for one in await kiosk.codes(batch)]
    async with kiosk.database.read() as work:
        rows = (await work.connection.execute(select(vouchers))).all()
    stored = b"".join(value for row in rows for value in row if isinstance(value, bytes))
    assert codes
    assert not any(code.encode() in stored for code in codes)
    other = Kiosk(kiosk.database, SecretBox(bytes(32)))
    with pytest.raises(NotFoundError):
        await other.keep.find(codes[0])


async def test_the_same_request_makes_one_batch(kiosk: Kiosk) -> None:
    new = NewBatch("HARIAN", 5, kind=CodeKind.DIGITS, prefix="DN")
    made = [await kiosk.make.run(new, actor=ANI, now=T0, idempotency_key="batch-1") for _ in range(2)]
    assert made[0].number == made[1].number
    with pytest.raises(RefusedError):  # the same form with other codes is another batch
        await kiosk.make.run(replace(new, kind=CodeKind.MIXED), actor=ANI, now=T0, idempotency_key="batch-1")
    assert (made[0].price_minor, made[0].validity_seconds) == (5_000, 86_400)  # the plan's
    async with kiosk.database.read() as work:
        assert len(await work.vouchers.batches(10)) == 1
    assert all(one.code.startswith("DN") and len(one.code) == 12 for one in await kiosk.codes(made[0]))


async def test_a_batch_needs_a_plan_a_price_and_a_validity(kiosk: Kiosk) -> None:
    await kiosk.open(HOTSPOT_DAY.replace("HARIAN", "BULAN").replace('"1d"', '"month"'))
    for new, word in (
        (NewBatch("BULAN", 1), "no_validity"),
        (NewBatch("HARIAN", 1, agent_price_minor=6_000), "bad_agent_price"),
        (NewBatch("HARIAN", 1, price_minor=-1), "bad_price"),
        (NewBatch("HARIAN", 1, use_by_at=T0), "bad_use_by"),
    ):
        with pytest.raises(InvalidInputError) as refused:
            await kiosk.make.run(new, actor=ANI, now=T0)
        assert refused.value.code == word
    with pytest.raises(NotFoundError):
        await kiosk.batch(1, "NIHIL")


async def test_the_first_use_begins_its_time_and_needs_no_operator(kiosk: Kiosk, node: Node) -> None:
    """INCA-36: a voucher's activation needs nobody: the code is typed, and the service is there."""
    batch = await kiosk.batch(1)
    code = (await kiosk.codes(batch))[0].code
    await node.load()
    kiosk.clock.pass_time(days=3)
    decision = await node.log_in(code.lower(), code, nas=POP2)
    assert decision.code == int(Code.ACCESS_ACCEPT)
    said = decode(encode(decision.code, 1, AUTHENTICATOR, decision.attributes)).attributes
    assert int.from_bytes(said[SESSION_TIMEOUT], "big") == 86_400  # the router ends it where we could not
    found = (await kiosk.keep.find(code)).voucher
    assert (found.status, found.first_used_at, found.first_nas_id) == (VoucherStatus.ACTIVE, kiosk.clock.at, POP2)
    assert found.valid_until_at == kiosk.clock.at + timedelta(days=1)
    async with kiosk.database.read() as work:
        service = await work.subscribers.by_credential_name(code)
        assert service is not None
        assert service.subscriber.name == "Voucher V0001-00001"
        assert not await work.invoices.open_of(service.subscriber.id)


@pytest.mark.parametrize("chap", [False, True])
async def test_a_code_opens_by_pap_and_chap_with_its_own_password_or_itself(
    kiosk: Kiosk, node: Node, *, chap: bool
) -> None:
    plain = (await kiosk.codes(await kiosk.batch(1)))[0]
    own = (await kiosk.codes(await kiosk.batch(1, has_password=True)))[0]
    await node.load()
    assert plain.code == plain.password
    assert own.code != own.password
    assert not await node.comes_in(own.code, own.code, chap=chap)
    assert (await kiosk.keep.find(own.code)).voucher.status is VoucherStatus.CREATED  # a guess begins nothing
    assert await node.comes_in(own.code, own.password, chap=chap)
    assert await node.comes_in(plain.code, chap=chap)
    assert await node.comes_in(own.code, own.password, chap=chap, nas=POP3)  # from now on like anybody


@pytest.mark.parametrize("chap", [False, True])
async def test_a_code_is_typed_in_any_letter_case_and_in_groups(kiosk: Kiosk, node: Node, *, chap: bool) -> None:
    plain = await kiosk.codes(await kiosk.batch(3))
    own = (await kiosk.codes(await kiosk.batch(1, has_password=True)))[0]
    await node.load()
    lower = plain[0].code.lower()
    grouped = f"{plain[1].code[:4]} {plain[1].code[4:]}".lower()
    dashed = f"{plain[2].code[:4]}-{plain[2].code[4:]}"
    for _ in range(2):  # the first use, and as a service like any
        for written in (lower, grouped, dashed):
            assert await node.comes_in(written, written, chap=chap)
    assert await node.comes_in(own.code.lower(), own.password, chap=chap)
    assert not await node.comes_in(plain[0].code, plain[1].code, chap=chap)
    assert not await node.comes_in(f"{own.code[:4]} {own.code[4:]}", own.password, chap=chap)


async def test_only_a_name_that_is_its_own_password_may_be_written_otherwise(
    kiosk: Kiosk, node: Node, box: SecretBox
) -> None:
    subscribers = ManageSubscribers(kiosk.database, box, Defaults("IDR", "Asia/Jakarta"))
    await subscribers.add(NewService("budi7", "HARIAN", "Rahasia"), ANI, T0)
    await node.load()
    assert await node.comes_in("BUDI7", "Rahasia")
    for name, password in (("budi7", "rahasia"), ("bu-di7", "Rahasia"), ("budi7", "budi7")):
        assert not await node.comes_in(name, password)


async def test_the_second_of_two_first_uses_at_once_sees_the_first(kiosk: Kiosk, node: Node) -> None:
    code = (await kiosk.codes(await kiosk.batch(1)))[0].code
    await node.load()
    first = node.ask(code, nas=POP1, mac=A)
    second = node.ask(code, nas=POP2, mac=B)
    again = node.ask(code, nas=POP2, mac=A)  # the same phone, which roams
    assert not first
    assert [one.reason for one in second] == ["session_limit"]
    await node.use.step()
    late = await node.log_in(code, nas=POP3, mac=C)
    assert [one.code for one in (*first, *again)] == [int(Code.ACCESS_ACCEPT)] * 2
    assert late.reason == "session_limit"
    kiosk.clock.pass_time(seconds=61)  # no Start ever came: whoever holds the code may begin
    assert await node.comes_in(code, nas=POP3, mac=C)


async def test_of_two_nodes_one_lets_a_code_begin(kiosk: Kiosk) -> None:
    codes = [one.code for one in await kiosk.codes(await kiosk.batch(40))]
    nodes = [Node(kiosk), Node(kiosk)]
    for node in nodes:
        await node.load()
    asked = [
        (node.ask(code, nas=nas, mac=mac))
        for code in codes
        for node, nas, mac in zip(nodes, (POP1, POP3), (A, B), strict=True)
    ]
    await asyncio.gather(*(node.use.step() for node in nodes))
    accepted = [[one.code == int(Code.ACCESS_ACCEPT) for one in answered] for answered in asked]
    assert all(len(answered) == 1 for answered in accepted)
    assert [a[0] + b[0] for a, b in zip(accepted[::2], accepted[1::2], strict=True)] == [1] * 40
    async with kiosk.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(services)) == 40


async def test_a_name_that_somebody_has_is_no_voucher_of_anybody_else(kiosk: Kiosk, node: Node, box: SecretBox) -> None:
    codes = [one.code for one in await kiosk.codes(await kiosk.batch(3))]
    await ManageSubscribers(kiosk.database, box, Defaults("IDR", "Asia/Jakarta")).add(
        NewService(codes[0], "HARIAN", "rahasia"), ANI, T0
    )
    await node.load()
    asked = [node.ask(code, mac=mac) for code, mac in zip(codes[1:], (A, B), strict=True)]
    await node.use.step()
    assert [answered[0].code for answered in asked] == [int(Code.ACCESS_ACCEPT)] * 2
    assert not await node.comes_in(codes[0], codes[0])  # it is the subscriber's name now


async def test_expiry_is_kept_by_us_and_survives_a_start(kiosk: Kiosk, node: Node) -> None:
    """The router holds nothing: after a reboot, on another router or another node, the end is the same."""
    voucher = (await kiosk.codes(await kiosk.batch(1)))[0]
    await node.load()
    assert await node.comes_in(voucher.code)
    kiosk.clock.pass_time(hours=23, minutes=59)
    fresh = Node(kiosk)
    await fresh.load()
    assert len(fresh.shelf) == 0
    assert await fresh.comes_in(voucher.code, nas=POP3)
    kiosk.clock.pass_time(minutes=1)
    assert (await fresh.log_in(voucher.code)).reason == "expired"
    async with kiosk.database.read() as work:
        due = await work.enforcement.due_by_time(kiosk.clock.at)
    assert due == [voucher.voucher.id]  # who is online is ended at that moment, not at a next log-in
    assert (await kiosk.keep.find(voucher.code)).voucher.status_at(kiosk.clock.at) is VoucherStatus.EXPIRED


async def test_the_quota_of_a_voucher_is_for_its_whole_time(kiosk: Kiosk, node: Node) -> None:
    await kiosk.open(HOTSPOT_QUOTA)
    voucher = (await kiosk.codes(await kiosk.batch(1, "KUOTA1", validity_seconds=60 * 86_400)))[0]
    await node.load()
    assert await node.comes_in(voucher.code)
    for month in (3, 4):  # half a gigabyte in each billing period
        async with kiosk.database.write() as work:
            await work.connection.execute(
                insert(usage_periods).values(
                    service_id=voucher.voucher.id,
                    start_on=datetime(2026, month, 10, tzinfo=UTC).date(),
                    end_on=datetime(2026, month + 1, 10, tzinfo=UTC).date(),
                    upload_octets=100_000_000,
                    download_octets=400_000_000,
                    charged_minor=0,
                )
            )
        kiosk.clock.at = datetime(2026, month, 12, 3, tzinfo=UTC)
        await node.look(voucher)
        decision = await node.log_in(voucher.code)
        assert decision.reason == ("ok" if month == 3 else "quota")


async def test_what_must_be_sold_opens_nothing_before_and_its_time_begins_with_the_sale(
    kiosk: Kiosk, node: Node
) -> None:
    batch, (voucher,) = await kiosk.sold(1)
    unsold = next(one for one in await kiosk.codes(batch) if one.voucher.status is VoucherStatus.CREATED)
    await node.load()
    assert (await node.log_in(unsold.code)).reason == "unknown_user"
    kiosk.clock.pass_time(hours=20)
    assert await node.comes_in(voucher.code)
    assert (await kiosk.keep.find(voucher.code)).voucher.valid_until_at == T0 + timedelta(days=1)


async def test_a_sale_is_booked_once_and_can_be_repeated(kiosk: Kiosk) -> None:
    batch = await kiosk.batch(5)
    sales = [
        await kiosk.sell.run(batch.number, 3, actor=ANI, now=T0, idempotency_key="sale-1", buyer="Bu Sari")
        for _ in range(2)
    ]
    assert [one.code for one in sales[0].vouchers] == [one.code for one in sales[1].vouchers]
    assert (sales[0].repeated, sales[1].repeated) == (False, True)
    assert sales[0].sale.paid_minor == 15_000
    assert sales[0].sale.receipt_no == "VC-2026-000001"
    with pytest.raises(RefusedError) as refused:
        await kiosk.sell.run(batch.number, 3, actor=ANI, now=T0)
    assert refused.value.code == "sold_out"
    async with kiosk.database.read() as work:
        held = [(await work.ledger.statement(code)).balance_minor for code in ("cash:cash", "revenue:voucher")]
        assert held == [15_000, 15_000]
        assert all(check.ok for check in check_books(await work.ledger.figures()))


async def test_what_can_t_begin_any_more_is_not_sold(kiosk: Kiosk) -> None:
    batch = await kiosk.batch(2, use_by_at=T0 + timedelta(days=1))
    kiosk.clock.pass_time(days=1)
    with pytest.raises(RefusedError) as refused:
        await kiosk.sell.run(batch.number, 1, actor=ANI, now=kiosk.clock.at)
    assert refused.value.code == "bad_use_by"


async def test_of_sellers_at_once_each_has_vouchers_of_their_own(kiosk: Kiosk) -> None:
    batch = await kiosk.batch(20)
    sold = await asyncio.gather(*(kiosk.sell.run(batch.number, 5, actor=ANI, now=T0) for _ in range(4)))
    assert len({one.code for sale in sold for one in sale.vouchers}) == 20
    assert len({sale.sale.receipt_no for sale in sold}) == 4


async def test_a_voucher_that_is_taken_back_opens_nothing_more(kiosk: Kiosk, node: Node) -> None:
    used, unused, *_ = await kiosk.codes(await kiosk.batch(4))
    await node.load()
    assert await node.comes_in(used.code)
    for one in (used, unused):
        await kiosk.keep.revoke(one.code, "hilang", actor=ANI, now=kiosk.clock.at)
    await node.shelf.reload(kiosk.database, (), [unused.voucher.id])
    await node.look(used)
    assert not await node.comes_in(used.code)
    assert not await node.comes_in(unused.code)
    with pytest.raises(RefusedError):
        await kiosk.keep.revoke(used.code, "lagi", actor=ANI, now=kiosk.clock.at)
    assert await kiosk.keep.revoke_unused(1, "salah cetak", actor=ANI, now=kiosk.clock.at) == 2
    await node.shelf.reload(kiosk.database, [used.batch.id], ())
    assert len(node.shelf) == 0


async def test_a_voucher_taken_back_while_a_log_in_waits_begins_nothing(kiosk: Kiosk, node: Node) -> None:
    voucher = (await kiosk.codes(await kiosk.batch(1)))[0]
    await node.load()
    asked = node.ask(voucher.code)
    await kiosk.keep.revoke(voucher.code, "hilang", actor=ANI, now=kiosk.clock.at)
    await node.use.step()
    assert [one.reason for one in asked] == ["voucher_not_usable"]


async def test_a_voucher_is_extended_from_its_end_or_from_now(kiosk: Kiosk, node: Node) -> None:
    voucher = (await kiosk.codes(await kiosk.batch(1)))[0]
    await node.load()
    with pytest.raises(RefusedError):
        await kiosk.keep.extend(voucher.code, 3_600, actor=ANI, now=kiosk.clock.at)  # it has not begun
    assert await node.comes_in(voucher.code)
    assert await kiosk.keep.extend(voucher.code, 3_600, actor=ANI, now=kiosk.clock.at) == T0 + timedelta(hours=25)
    kiosk.clock.pass_time(hours=30)
    await node.look(voucher)
    assert not await node.comes_in(voucher.code)
    await kiosk.keep.extend(voucher.code, 3_600, actor=ANI, now=kiosk.clock.at)
    await node.look(voucher)
    assert await node.comes_in(voucher.code)


async def test_a_day_after_its_end_a_voucher_is_given_up_and_its_subscriber_with_it(kiosk: Kiosk, node: Node) -> None:
    voucher = (await kiosk.codes(await kiosk.batch(2)))[0]
    await node.load()
    assert await node.comes_in(voucher.code)
    kiosk.clock.pass_time(hours=47)
    assert await kiosk.keep.retire(actor=ANI, now=kiosk.clock.at) == 0
    kiosk.clock.pass_time(hours=1, seconds=1)
    assert await kiosk.keep.retire(actor=ANI, now=kiosk.clock.at) == 1
    assert await kiosk.keep.retire(actor=ANI, now=kiosk.clock.at) == 0
    assert (await kiosk.keep.find(voucher.code)).voucher.status is VoucherStatus.EXPIRED
    async with kiosk.database.read() as work:
        assert await work.connection.scalar(select(subscribers.c.status)) == "terminated"
        assert await work.subscribers.by_credential_name(voucher.code) is None
    fresh = Node(kiosk)
    await fresh.load()
    assert (await fresh.log_in(voucher.code)).reason == "unknown_user"


async def test_who_did_not_begin_in_time_can_t_any_more(kiosk: Kiosk, node: Node) -> None:
    code = (await kiosk.codes(await kiosk.batch(1, use_by_at=T0 + timedelta(days=30))))[0].code
    await node.load()
    kiosk.clock.pass_time(days=31)
    assert (await node.log_in(code)).reason == "voucher_not_usable"
    await kiosk.keep.set_use_by(1, T0 + timedelta(days=60), actor=ANI, now=kiosk.clock.at)
    assert await node.comes_in(code)


async def test_while_the_database_is_away_nothing_begins_and_nothing_is_lost(kiosk: Kiosk, node: Node) -> None:
    code = (await kiosk.codes(await kiosk.batch(1)))[0].code
    await node.load()
    kiosk.database.close_for_all("away")
    try:
        assert (await node.log_in(code)).reason == "database_away"
    finally:
        kiosk.database.open_for_all()
    assert await node.comes_in(code)


async def test_a_batch_tells_where_its_vouchers_stand_and_what_was_used_without_a_sale(
    kiosk: Kiosk, node: Node
) -> None:
    batch = await kiosk.batch(6)
    codes = await kiosk.codes(batch)
    await kiosk.sell.run(batch.number, 2, actor=ANI, now=T0)
    await node.load()
    for one in codes[1:4]:
        assert await node.comes_in(one.code)
    await kiosk.keep.revoke(codes[5].code, "rusak", actor=ANI, now=T0)
    async with kiosk.database.write() as work:
        await work.connection.execute(
            update(vouchers).where(vouchers.c.id == codes[1].voucher.id).values(valid_until_at=T0)
        )
    async with kiosk.database.read() as work:
        stand = (await work.vouchers.figures([batch.id], T0))[batch.id]
    assert {status: stand.of(status) for status in VoucherStatus} == {
        VoucherStatus.CREATED: 1,
        VoucherStatus.SOLD: 1,
        VoucherStatus.ACTIVE: 2,
        VoucherStatus.EXPIRED: 1,
        VoucherStatus.USED_UP: 0,
        VoucherStatus.VOID: 1,
    }
    assert stand.used_unsold == 2


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_explain_says_where_the_voucher_of_a_code_stands(kiosk: Kiosk, node: Node) -> None:
    async def nothing_dropped(_names: object, _nas: object) -> None:
        return None

    explain = Explain(
        kiosk.database,
        StandingPolicy(0, time(0, 30), 1000, ZONE),
        GARDEN,
        nothing_dropped,
        realms=Realms.of(()),
        interim_seconds=300,
        silent_after_seconds=900,
        box=kiosk.box,
    )

    async def cause(written: str) -> str:
        check = (await explain.run(written, kiosk.clock.at)).checks[0]
        for locale in ("id", "en"):
            said = Teller(locale, ZONE, "IDR").say(check)
            assert "{" not in said.text + said.action
            assert said.action or check.cause == "account_ok"
            assert check.cause != "voucher_void" or "hilang" in said.text
        return check.cause

    fresh, void, used = (one.code for one in await kiosk.codes(await kiosk.batch(3)))
    (unsold,) = await kiosk.codes(await kiosk.batch(1, is_only_sold=True))
    (late,) = await kiosk.codes(await kiosk.batch(1, use_by_at=T0 + timedelta(days=1)))
    await kiosk.keep.revoke(void, "hilang", actor=ANI, now=kiosk.clock.at)
    await node.load()
    assert await node.comes_in(used)
    assert await cause(used) != "unknown_user"  # a service like any
    kiosk.clock.pass_time(days=3)
    await kiosk.keep.retire(actor=ANI, now=kiosk.clock.at)
    codes = (f"{fresh[:4]}-{fresh[4:]}".lower(), void, used, unsold.code, late.code, "TIDAKADA")
    assert [await cause(code) for code in codes] == [
        "voucher_unused",
        "voucher_void",
        "voucher_expired",
        "voucher_unsold",
        "voucher_late",
        "unknown_user",
    ]


@pytest.mark.soak
async def test_of_a_thousand_first_uses_at_once_from_three_routers_none_is_used_twice(kiosk: Kiosk, node: Node) -> None:
    """Three routers of two vendors, each with another phone, all with every code at once."""
    codes = [one.code for one in await kiosk.codes(await kiosk.batch(1_000))]
    await node.load()
    phones = ((POP1, A), (POP2, B), (POP3, C))
    asked = [[node.ask(code, nas=nas, mac=mac) for nas, mac in phones] for code in codes]
    while node.use.waiting:
        await node.use.step()
    let_in = [sum(answered[0].code == int(Code.ACCESS_ACCEPT) for answered in of_code) for of_code in asked]
    assert let_in == [1] * 1_000
    async with kiosk.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(services)) == 1_000
