"""kill -9 between any two steps of a sale, a taking at the door or a hand-over: nothing is lost, nothing is doubled."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from aiohttp import ClientError, ClientSession, CookieJar
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.services.collect_cash import CollectCash
from netbilld.services.keep_collectors import KeepCollectors
from tests.agent_town import SECRET, Town
from tests.builders.services import ZONE
from tests.daemon_process import DaemonProcess
from tests.killed import KilledError, killed_at
from tests.panel_fixture import Browser
from tests.portal_client import csrf_of
from tests.voucher_world import ANI, T0

AGUS: Final = Actor("agus@desa.example", "panel")
HELD: Final = 50_000
COUNTED: Final = (
    tables.payments,
    tables.voucher_sales,
    tables.handovers,
    tables.handover_counts,
    tables.agent_deposits,
    tables.agent_payments,
    tables.ledger_entries,
    tables.changes,
    tables.outbox,
)
Deal = Callable[[str], Awaitable[Any]]


class Office:
    """Somebody at the desk, an agent and a collector, and everything that they have done."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.collectors = KeepCollectors(town.database, timezone=ZONE, currency="IDR")
        self.collect = CollectCash(town.database, timezone=ZONE)

    async def begin(self) -> None:
        await self.collectors.add("agus", "Agus", staff=AGUS.name, actor=ANI, now=T0)
        await self.town.agents.deposit("sari", 10**7, actor=ANI, now=T0)
        self.batch = await self.town.for_agents(500)

    def deals(self) -> dict[str, Deal]:
        town = self.town
        now: dict[str, Any] = {"now": T0}
        number = town.numbers["budi"]
        by_ani: dict[str, Any] = {"actor": ANI, **now}
        signed: dict[str, Any] = {"signed_by": "Agus", "pieces": {"1000": 49}, "book_difference": "hilang", **by_ani}
        return {
            "an agent sells": lambda key: town.selling.sell_vouchers("sari", self.batch, 2, key=key, **by_ani),
            "an agent takes a bill": lambda key: town.selling.top_up("sari", number, 7_500, key=key, **by_ani),
            "staff sell": lambda key: town.sell.run(self.batch, 2, idempotency_key=key, **by_ani),
            "a deposit": lambda key: town.agents.deposit("sari", 5_000, idempotency_key=key, **by_ani),
            "at the door": lambda key: self.collect.run(number, HELD, key=key, actor=AGUS, slip=slip_of(key), **now),
            "a hand-over": lambda key: self.collectors.hand_over("agus", HELD - 1_000, idempotency_key=key, **signed),
        }

    async def state(self) -> dict[str, int]:
        """Return every balance, and how many there are of everything."""
        async with self.town.database.read() as work:
            query = select(tables.accounts.c.code, tables.accounts.c.balance_minor)
            found = {row.code: int(row.balance_minor) for row in await work.connection.execute(query)}
            for table in COUNTED:
                found[table.name] = int(await work.connection.scalar(select(func.count()).select_from(table)) or 0)
        return found


def slip_of(key: str) -> str:
    return f"7F3A-{int(key.rpartition('-')[2]):06}"


def more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


@pytest.fixture
async def office(sqlite_template: Path, tmp_path: Path, box: SecretBox) -> AsyncIterator[Office]:
    shutil.copyfile(sqlite_template, tmp_path / "office.db")
    database = Database(sqlite_url(tmp_path / "office.db"))
    try:
        town = Town(database, box)
        await town.begin()
        made = Office(town)
        await made.begin()
        yield made
        assert await town.books_are_right()
    finally:
        await database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["an agent sells", "an agent takes a bill", "staff sell", "a deposit", "at the door", "a hand-over"]
)
async def test_a_deal_that_died_at_any_of_its_statements_is_done_once_when_it_is_asked_again(
    office: Office, name: str
) -> None:
    deal, number, due = office.deals()[name], 0, None
    while due is None or number < 200:
        if name == "a hand-over":  # there has to be something to hand over
            await office.collect.run(office.town.numbers["budi"], HELD, key=f"held-{number}", actor=AGUS, now=T0)
        key, before = f"deal-{number}", await office.state()
        has_died = False
        if due is not None:
            with killed_at(office.town.database, number):
                try:
                    await deal(key)
                except KilledError:
                    has_died = True
                    assert more(before, await office.state()) == {}  # no half of it
        for _ in range(2):  # two clicks, or a phone that was not told
            await deal(key)
        done = more(before, await office.state())
        due = due or done
        assert done == due, number
        if number and not has_died:
            break  # it has no more statements than that
        number += 1
    assert number > 8, "a deal of so few statements books nothing"


# -- a daemon ----------------------------------------------------------------------------------------------------------

PLAN: Final = """
code = "HARIAN"
name = "Hotspot 1 hari"
timing = "prepaid"
charging = "flat"
[recurring]
price = 5000
period = "1d"
[speed]
down = "5M"
up = "2M"
"""
SALES: Final = 4  # of each kind


@asynccontextmanager
async def client_of(port: int) -> AsyncIterator[ClientSession]:
    async with ClientSession(f"http://127.0.0.1:{port}", cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


def once() -> str:
    return uuid4().hex


async def until_answered(send: Callable[[], Awaitable[int]]) -> None:
    """Send a form again and again, as people and phones do, until it was answered well; and then once more."""
    good = 0
    while good < 2:
        try:
            status = await send()
        except (ClientError, OSError):
            status = 503  # nobody is there
        if status < 500:
            assert status < 400, status
            good += 1
        else:
            await asyncio.sleep(0.05)


@pytest.mark.soak  # its steps are each killed above
async def test_a_daemon_that_is_killed_while_everybody_sells_books_each_sale_once(tmp_path: Path) -> None:
    """An agent on the phone, staff at the desk, a collector's phone and a count of notes, all while it is killed."""
    with DaemonProcess(tmp_path) as daemon:
        daemon.init()
        daemon.plan(PLAN)
        daemon.cli("subscriber", "add", "budi", "--plan", "HARIAN", "--password", "pw")
        daemon.cli("collector", "add", "agus", "--staff", "admin@example.net")
        made = ("voucher", "generate", "--plan", "HARIAN", "--count", "60", "--only-sold", "--agent-price", "4000")
        assert daemon.json(*made)["batch"] == "V0001"
        daemon.cli("agent", "add", "sari", "--commission", "2", "--password", SECRET)
        daemon.cli("agent", "deposit", "sari", "100000", "--method", "transfer")
        number = daemon.json("subscriber", "show", "budi")["subscriber_no"]
        await asyncio.to_thread(daemon.start)
        async with client_of(daemon.panel_port) as panel, client_of(daemon.portal_port) as portal:
            desk = Browser(panel)  # type: ignore[arg-type]  # it asks for no more than a session
            await desk.sign_in("admin@example.net", "a long enough password")
            token = await desk.token()
            async with portal.get("/agen/masuk") as answer:
                login = {"csrf": csrf_of(await answer.text()), "name": "sari", "password": SECRET}
            async with portal.post("/agen/masuk", data=login) as answer:
                csrf = csrf_of(await answer.text())

            async def post(session: ClientSession, path: str, form: dict[str, str]) -> int:
                async with session.post(path, data=form, allow_redirects=False) as answer:
                    return answer.status

            def agent_sells() -> Callable[[], Awaitable[int]]:
                form = {"csrf": csrf, "once": once(), "batch": "1", "count": "1"}
                return lambda: post(portal, "/agen/voucher", form)

            def staff_sell() -> Callable[[], Awaitable[int]]:
                form = {"csrf": token, "once": once(), "count": "1", "method": "transfer"}
                return lambda: post(panel, "/vouchers/V0001/sell", form)

            def at_the_door() -> Callable[[], Awaitable[int]]:
                form = {"csrf": token, "once": once(), "number": number, "amount": "10000"}
                return lambda: post(panel, "/collect", form)

            def hands_over() -> Callable[[], Awaitable[int]]:
                form = {"csrf": token, "once": once(), "amount": "1000", "signed": "Agus"}
                return lambda: post(panel, "/handovers/agus/handover", form)

            ways = (agent_sells, staff_sell, at_the_door, hands_over)
            selling = [asyncio.create_task(until_answered(way())) for _ in range(SALES) for way in ways]
            await asyncio.wait(selling, return_when=asyncio.FIRST_COMPLETED)  # in the midst of it
            daemon.kill()
            await asyncio.to_thread(daemon.start)
            await asyncio.gather(*selling)
        assert daemon.terminate() == 0
        assert daemon.json("voucher", "list")[0]["vouchers"]["sold"] == 2 * SALES
        assert daemon.json("agent", "show", "sari")["deposit"] == 100_000 - SALES * 4_000
        assert len(daemon.json("payment", "list")) == SALES
        [agus] = daemon.json("collector", "list")
        assert agus["held"] == SALES * (10_000 - 1_000)
        assert len(daemon.json("collector", "handovers")) == SALES
        assert daemon.json("ledger", "check")["ok"]
