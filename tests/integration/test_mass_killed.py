"""kill -9 in the midst of a mass change: after each restart everybody comes to what is due, and hardly anybody twice."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoices, services
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from netbilld.model.actor import Actor
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import free_udp_port

HOMES = 40
KILLED_AFTER = (1, 12, 30)  # orders
ROUNDS = 12
HOST = "127.0.0.4"


async def test_a_daemon_that_is_killed_in_a_mass_change_brings_everybody_to_what_is_due(
    tmp_path: Path, migrated_url: str
) -> None:
    with daemon_of_homes(tmp_path, migrated_url) as (daemon, spec):
        async with SimulatedNas(spec) as nas:
            await until(partial(everybody, daemon, "active"), "everybody is online")
            await change_everybody(migrated_url, owed=True)
            for count in KILLED_AFTER:

                async def so_many(count: int = count) -> bool:
                    return len(orders(nas)) >= count

                await until(so_many, f"{count} orders have come")
                daemon.kill()
                await asyncio.to_thread(daemon.start)
            await until(partial(everybody, daemon, "walled"), "everybody is walled")
            each = Counter(orders(nas))
            assert set(each) == {home.username for home in spec.subscribers}
            assert max(each.values()) <= 2, each
        assert daemon.terminate() == 0


@pytest.mark.soak
async def test_it_may_be_killed_at_any_moment(tmp_path: Path, migrated_url: str) -> None:
    """Walled and restored in turn, killed three times in each change at moments that nobody chose."""
    chance = random.Random(time.time_ns())
    with daemon_of_homes(tmp_path, migrated_url) as (daemon, spec):
        async with SimulatedNas(spec) as nas:
            await until(partial(everybody, daemon, "active"), "everybody is online")
            for number in range(ROUNDS):
                before, owed = len(orders(nas)), number % 2 == 0
                await change_everybody(migrated_url, owed=owed)
                for _ in range(3):
                    await asyncio.sleep(chance.uniform(0.0, 2.0))
                    daemon.kill()
                    await asyncio.to_thread(daemon.start)
                access = "walled" if owed else "active"
                try:
                    await until(partial(everybody, daemon, access), f"round {number}: everybody is {access}")
                except AssertionError:
                    others = [line for line in daemon.json("enforce", "status") if line["observed"] != access]
                    raise AssertionError(f"round {number}: not {access}: {others}\n{daemon.log[-8000:]}") from None
                each = Counter(orders(nas)[before:])
                assert set(each) == {home.username for home in spec.subscribers}
                assert max(each.values()) <= 2, (number, each)
        assert daemon.terminate() == 0


@contextmanager
def daemon_of_homes(directory: Path, url: str) -> Iterator[tuple[DaemonProcess, NasSpec]]:
    """A daemon that serves, and what the NAS of its subscribers is to be."""
    homes = tuple(
        SubscriberSpec(username=f"home{number:02d}", password="pw", mac=f"02:00:00:00:01:{number:02X}",
                       redial_seconds=(0.1, 0.5))
        for number in range(HOMES)
    )  # fmt: skip
    settings = {
        "NETBILLD_ENFORCEMENT__DISCONNECTS_PER_SECOND": "20",
        "NETBILLD_ENFORCEMENT__BRAKE_LEAST": "1000",  # nobody is asked whether everybody is really to be walled
    }
    with DaemonProcess(directory, url, **settings) as daemon:
        daemon.init()
        daemon.plan(FLAT_PLAN)
        spec = NasSpec(
            bind_address=IPv4Address(HOST),
            secret=SECRET,
            auth_port=daemon.auth_port,
            acct_port=daemon.acct_port,
            coa_port=free_udp_port(),
            subscribers=homes,
        )
        daemon.nas("pop1", HOST, "--coa-port", str(spec.coa_port))
        path = directory / "homes.csv"
        path.write_text("username,password,plan\n" + "".join(f"{home.username},pw,RUMAH20\n" for home in homes))
        daemon.cli("import", "subscribers", str(path))
        daemon.start()
        yield daemon, spec


async def everybody(daemon: DaemonProcess, access: str) -> bool:
    lines: list[dict[str, Any]] = await asyncio.to_thread(daemon.json, "enforce", "status")
    return len([line for line in lines if line["observed"] == access and line["agrees"]]) == HOMES


def orders(nas: SimulatedNas) -> list[str]:
    """Return who was meant by each order, retransmissions left out."""
    return [order.username for order in nas.orders if not order.duplicate]


async def change_everybody(url: str, *, owed: bool) -> None:
    """Put on record a debt of everybody's that is long overdue, or that none of it is owed any more."""
    database = Database(url)
    now = datetime.now(UTC)
    long_ago = now.date() - timedelta(days=60)
    async with database.write() as work:
        owners = (await work.connection.execute(select(services.c.id, services.c.subscriber_id))).all()
        await work.connection.execute(update(invoices).values(status="paid", paid_minor=invoices.c.total_minor))
        if owed:
            await work.connection.execute(
                insert(invoices),
                [
                    {
                        "id": uuid4(), "number": f"TEST-{uuid4().hex[:20]}", "subscriber_id": subscriber_id,
                        "status": "issued", "issued_on": long_ago, "due_on": long_ago, "period_start_on": long_ago,
                        "period_end_on": long_ago, "timezone": "Asia/Jakarta", "currency": "IDR", "tax_minor": 0,
                        "total_minor": 200_000, "paid_minor": 0, "created_at": now,
                    }
                    for _, subscriber_id in owners
                ],
            )  # fmt: skip
        details = {"service_ids": [str(service_id) for service_id, _ in owners]}
        await work.changes.record(Actor("test", "cli"), now, "invoice.run", "service", owners[0][0], details)
    await database.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + 90
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.05)
