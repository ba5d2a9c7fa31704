"""What the demo's provider sells and collects: voucher batches, an agent with a deposit, a collector on the road.

It comes about by the services that the pages use; the first uses are log-ins over RADIUS.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters import radius_client
from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.radius_client import WantedRequest
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.manual_line import manual_line
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.selling import agent_parts, selling_parts
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes
from netbilld.demo.scenario import NAS_ADDRESS, Home
from netbilld.model.actor import Actor
from netbilld.model.voucher import CodeKind, ValidFrom
from netbilld.radius.dictionary import load
from netbilld.services.keep_agents import KeepAgents
from netbilld.services.make_vouchers import NewBatch
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.sell_from_deposit import SellFromDeposit

AGENT: Final = "sari"
COLLECTOR: Final = "tono"
COLLECTOR_STAFF: Final = "tono@demo.example"
DAY_PLAN: Final = "HARIAN5"
_CASHIER: Final = Actor("yuli@demo.example", "demo")
_BOOKS: Final = Actor("rina@demo.example", "demo")
_ON_THE_ROAD: Final = Actor(COLLECTOR_STAFF, "demo")
_DEMO: Final = Actor("demo", "demo")
_SELLS: Final = Actor("agent sari", "demo")
_MISSING: Final = 20_000
_VISITED: Final = 4  # homes that owe for something beside their bill
_PLACE_MOVED: Final = "text=Pindah titik modem,amount=75000"


@dataclass(frozen=True, slots=True)
class Kiosk:
    """What the demo needs to know of it: codes that are on their way to the hotspot."""

    sold_codes: tuple[str, ...] = field(repr=False)


async def open_kiosk(
    settings: Settings, database: Database, box: SecretBox, homes: list[Home], password: str, now: datetime
) -> Kiosk:
    """Sell vouchers in the office and by an agent, and let some owe for what a collector comes for.

    Args:
        settings: the demo's.
        database: with the town in it.
        box: seals codes.
        homes: who lives in it.
        password: of the agent too.
        now: the moment the demo begins.
    """
    selling = selling_parts(settings, database, box)
    make, keep, agents = selling.make_vouchers, selling.keep_vouchers, selling.keep_agents
    sell = agent_parts(settings, database, box).sell
    begun_at = now - timedelta(days=40)
    over = NewBatch(
        DAY_PLAN, 20, "Promo libur sekolah", kind=CodeKind.DIGITS, price_minor=3_000, use_by_at=now - timedelta(days=9)
    )
    old = await make.run(over, actor=_BOOKS, now=begun_at)
    await selling.sell_vouchers.run(old.number, 6, actor=_CASHIER, now=begun_at + timedelta(days=2))
    daily = NewBatch(DAY_PLAN, 60, "Hotspot harian", agent_price_minor=4_000, is_online=True)
    day = await make.run(daily, actor=_BOOKS, now=now - timedelta(days=3))
    office = await selling.sell_vouchers.run(
        day.number, 6, buyer="Warung Bu Yati", actor=_CASHIER, now=now - timedelta(days=1)
    )
    weekly = NewBatch(
        DAY_PLAN, 24, "Hotspot mingguan", prefix="MG", validity_seconds=7 * 86_400, valid_from=ValidFrom.SALE,
        price_minor=25_000, agent_price_minor=21_000,
    )  # fmt: skip
    week = await make.run(weekly, actor=_BOOKS, now=now - timedelta(days=3))
    lost = await selling.sell_vouchers.run(
        week.number, 3, buyer="Kos Melati", actor=_CASHIER, now=now - timedelta(days=2)
    )
    await keep.revoke(lost.vouchers[0].code, "Hilang sebelum diserahkan", actor=_BOOKS, now=now - timedelta(days=1))
    await agents.add(
        AGENT, "Warung Sari", password, phone="081234570001", commission_permille=20, actor=_BOOKS,
        now=now - timedelta(days=3),
    )  # fmt: skip
    await agents.deposit(AGENT, 300_000, actor=_BOOKS, now=now - timedelta(days=3), method="transfer", reference="BCA")
    for count, days_ago in ((5, 2), (3, 1)):
        at = now - timedelta(days=days_ago)
        await sell.sell_vouchers(AGENT, day.number, count, actor=_SELLS, now=at, key=secrets.token_hex(8))
    await _owe_for_work(settings, database, agents, sell, homes, now)
    return Kiosk(tuple(one.code for one in office.vouchers[:3]))


async def _owe_for_work(
    settings: Settings, database: Database, agents: KeepAgents, sell: SellFromDeposit, homes: list[Home], now: datetime
) -> None:
    """Bill some for having a modem moved; the agent takes the money of one of them."""
    money = money_parts(settings, database)
    owing = [home for home in homes if home.plan == "RUMAH20" and home.settled][-_VISITED:]
    line = manual_line(_PLACE_MOVED, settings.currency)
    for home in owing:
        await money.manual_invoices.add(home.username, [line], due_days=2, actor=_BOOKS, now=now)
    async with database.read() as work:
        found = await work.subscribers.by_credential_name(owing[0].username)
    assert found is not None, "it was added before"  # noqa: S101
    number = found.subscriber.number
    await agents.serve(AGENT, number, True, actor=_BOOKS, now=now)
    await sell.top_up(AGENT, number, 75_000, actor=_SELLS, now=now, key=secrets.token_hex(8))


async def collect(settings: Settings, database: Database, box: SecretBox, owed: dict[str, int], now: datetime) -> None:
    """Let a collector take what homes owe, and hand it over twice: once all of it, once with a little missing.

    Args:
        settings: the demo's.
        database: with the town in it.
        box: seals codes.
        owed: by user name, in minor units.
        now: the moment the demo begins.
    """
    keep = selling_parts(settings, database, box).keep_collectors
    receive = ReceivePayment(database, timezone=settings.timezone, taxes=payment_taxes(settings))
    await keep.add(COLLECTOR, "Tono", staff=COLLECTOR_STAFF, actor=_BOOKS, now=now - timedelta(days=9))
    names = list(owed)
    rounds = (names[: len(names) // 2], names[len(names) // 2 : -1], names[-1:])
    for days_ago, visited in zip((2, 1, 0), rounds, strict=True):
        at = now - timedelta(days=days_ago)
        for name in visited:
            await receive.run(
                name, owed[name], method="cash", reference=None, received_on=None, actor=_ON_THE_ROAD, now=at,
                note="kolektor",
            )  # fmt: skip
        missing = _MISSING if days_ago == 1 else 0
        if days_ago:  # what was taken today is still with him
            await keep.hand_over(
                COLLECTOR,
                sum(owed[name] for name in visited) - missing,
                actor=_CASHIER,
                now=at + timedelta(hours=1),
                book_difference="Kurang satu lembar, sudah dihitung dua kali" if missing else None,
                signed_by="Tono",
            )


async def use_vouchers(settings: Settings, codes: tuple[str, ...], nas_secret: str, clock: SystemClock) -> int:
    """Type codes in at the hotspot, over RADIUS as a router sends it; return how many were let in."""
    count = 0
    for number, code in enumerate(codes):
        wanted = WantedRequest("pap", code, code, f"02:4E:42:00:01:{number:02X}")
        built = radius_client.build(wanted, nas_secret.encode(), entropy(radius_client.ENTROPY_OCTETS), load())
        outcome = await radius_client.ask(
            "127.0.0.1",
            settings.radius.auth_port,
            built,
            nas_secret.encode(),
            entropy=entropy(16),
            monotonic=clock.monotonic,
            source=str(NAS_ADDRESS),
        )
        count += outcome.reply is not None and outcome.reply.packet.code == 2
    return count
