"""An evening of a small ISP in the panel's store: people online, one slowed down, some walled off, one blocked.

`python -m tests.panel_seed` serves the panel with it on loopback, for looking at the pages.
"""

import asyncio
import logging
import random
import re
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import insert, update

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.periods import local_date, local_midnight, monthly_period
from netbilld.services.manage_pools import ManagePools
from tests.panel_fixture import PASSWORD, SYSTEM, ZONE, PanelWorld, Person, profile_of

NAMES: Final = (
    "Budi Santoso", "Siti Aminah", "Agus Wijaya", "Dewi Lestari", "Eko Prasetyo", "Fitri Handayani", "Gunawan",
    "Hesti Purnama", "Indra Kurniawan", "Joko Susilo", "Kartika Sari", "Lukman Hakim", "Maya Anggraini",
    "Nur Hidayat", "Oki Ramadhan", "Putri Maharani", "Rahmat Hidayat", "Sri Wahyuni", "Toko Makmur Jaya",
    "Umar Faruq", "Vina Melati", "Wahyu Nugroho", "Yanti Susanti", "Zainal Abidin",
)  # fmt: skip
AREAS: Final = ("RT 01 Sukamaju", "RT 02 Sukamaju", "RT 05 Cibiru", "Desa Cilengkrang")


async def seed(world: PanelWorld) -> list[Person]:
    """Fill a store with an evening of a small ISP: people online, one slowed down, some walled off, one blocked."""
    chance = random.Random(20)
    now = world.clock.now()
    today = local_date(now, ZONE)
    await world.plans()
    await world.staff()
    routers = [
        await world.nas("cibiru-1", "192.0.2.1/32"),
        await world.nas("cilengkrang-1", "192.0.2.2/32", last_heard_at=now - timedelta(minutes=34)),
    ]
    people = []
    for index, name in enumerate(NAMES):
        plan = ("HOME20", "HOME20", "KUOTA100", "PAKAI")[index % 4]
        username = re.sub(r"[^a-z]", ".", name.lower()) + "@rumahnet"
        told = {
            "phone": f"0812{chance.randrange(10**7, 10**8)}",
            "area": AREAS[index % 4],
            "address": f"Jalan Melati {index + 3}, {AREAS[index % 4]}",
        }
        people.append(await world.person(username, name, plan, billing_day=index % 28 + 1, **told))
    troubles: dict[int, tuple[Access, str]] = {
        2: (Access.WALLED, "quota"),
        4: (Access.THROTTLED, "fair_use"),
        7: (Access.WALLED, "no_credit"),
        8: (Access.THROTTLED, "fair_use"),
        9: (Access.WALLED, "overdue"),
        13: (Access.WALLED, "overdue"),
        20: (Access.BLOCKED, "suspended"),
    }
    for index, person in enumerate(people):
        access, reason = troubles.get(index, (Access.ACTIVE, "ok"))
        since = now - timedelta(minutes=chance.randrange(2, 600))
        await world.due(person, access, reason, since, now + timedelta(days=6) if access is Access.THROTTLED else None)
        period = monthly_period(now, index % 28 + 1, ZONE)
        limit = {"HOME20": 300 * 10**9, "KUOTA100": 100 * 10**9}.get(
            ("HOME20", "HOME20", "KUOTA100", "PAKAI")[index % 4], 60 * 10**9
        )
        share = 1.02 if reason in {"fair_use", "quota"} else chance.uniform(0.1, 0.93)
        async with world.database.write() as work:
            await work.connection.execute(
                insert(tables.usage_periods).values(
                    service_id=person.service_id,
                    start_on=period.start_on,
                    end_on=period.end_on,
                    upload_octets=int(limit * share * 0.12),
                    download_octets=int(limit * share * 0.88),
                    charged_minor=0,
                )
            )
            for day in range(30):
                start = local_midnight(today - timedelta(days=day), ZONE)
                down = int(chance.gammavariate(4, limit / 30 / 5))
                await work.connection.execute(
                    insert(tables.usage_hours).values(
                        service_id=person.service_id,
                        hour_at=start + timedelta(hours=9),
                        upload_octets=down // 8,
                        download_octets=down,
                        charged_minor=0,
                    )
                )
        if index in {11, 20, 22}:
            continue
        rate = {Access.ACTIVE: 20_000_000, Access.THROTTLED: 2_000_000}.get(access, 256_000)
        session_id = await world.session(
            routers[index % 5 == 3],
            person,
            seen=Access.ACTIVE if index == 13 else access,
            state="late" if index == 17 else "live",
            started_at=now - timedelta(minutes=chance.randrange(5, 4000)),
            updated_at=now - timedelta(seconds=chance.randrange(1, 300)),
            download_bps=int(rate * chance.uniform(0.02, 0.95)),
            upload_bps=int(rate * chance.uniform(0.01, 0.2)),
            download_octets=chance.randrange(10**8, 4 * 10**10),
            upload_octets=chance.randrange(10**7, 4 * 10**9),
        )
        if index == 13:
            await world.put(
                tables.pending_orders,
                session_id=session_id,
                service_id=person.service_id,
                profile_key=profile_of(access).key,
                attempts=3,
                next_attempt_at=now + timedelta(seconds=41),
                coa_refused=False,
                last_error="no answer from 192.0.2.2:3799",
            )
            await world.attempt(
                routers[1],
                person,
                session_id,
                access,
                reason,
                outcome="timed_out",
                verified_at=None,
                answered_at=None,
                due_at=since,
            )
        elif access is not Access.ACTIVE:
            await world.attempt(routers[0], person, session_id, access, reason, due_at=since)
    for index, days in ((9, -12), (13, -4), (0, 8), (4, 6), (5, 3)):
        await world.invoice(people[index], f"INV-2026-{index + 101:06d}", days)
    await world.invoice(people[9], "INV-2026-000044", -42, status="paid", paid_minor=275_000)
    for person in people[:10]:
        for step in range(6):
            await world.put(
                tables.auth_attempts,
                at=now - timedelta(minutes=17 * step + 3),
                nas_id=routers[0],
                username=person.username,
                username_key=person.username,
                service_id=person.service_id,
                method="mschapv2" if step % 2 else "chap",
                result="reject" if step == 3 else "accept",
                reason="wrong_password" if step == 3 else "ok",
                latency_us=310,
            )
    await _seed_effects(world, people, routers, chance, now)
    await _seed_throughput(world, routers, people[0].service_id, chance, now)
    async with world.database.write() as work:
        level = 120.0
        for step in range(360):
            level = max(40.0, level + chance.uniform(-6, 6.2))
            await work.connection.execute(
                insert(tables.throughput_samples).values(
                    at=now - timedelta(seconds=10 * (359 - step)),
                    upload_bps=int(level * 130_000),
                    download_bps=int(level * 1_000_000),
                    sessions=21,
                )
            )
        await work.connection.execute(
            update(tables.services)
            .where(tables.services.c.id == people[20].service_id)
            .values(status="suspended", status_reason="Pindah rumah, modem dikembalikan")
        )
    await seed_pools(world, people, routers)
    return people


async def seed_pools(world: PanelWorld, people: Sequence[Person], routers: Sequence[UUID]) -> None:
    """Give the people online addresses of a pool; a small pool is full, and one address is two people's."""
    now = world.clock.now()
    manage = ManagePools(world.database)
    week = now - timedelta(days=7)
    await manage.add("rumah", "10.20.0.0/27", "ipv4", None, ["10.20.0.0-10.20.0.1"], SYSTEM, week)
    await manage.add("toko", "10.30.0.0/30", "ipv4", None, [], SYSTEM, week)
    await manage.add("lan", "2001:db8:8000::/40", "delegated", 56, ["2001:db8:8000::/56"], SYSTEM, week)
    async with world.database.write() as work:
        pools = {pool.name: pool for pool in await work.addresses.pools()}
        online = [session for session in await work.addresses.open_sessions() if session.nas_id == routers[0]]
        stolen, station = online[0], {session.service_id: session.mac for session in online}
        rows = [
            (pools["toko"], f"10.30.0.{number}", people[(0, 1, 20, 22)[number]], now + timedelta(seconds=95) if number == 3 else None)
            for number in range(4)
        ]  # fmt: skip
        rows += [(pools["lan"], f"2001:db8:8000:{number}00::/56", people[number], None) for number in range(1, 9)]
        for pool, address, person, held_until_at in rows:
            await work.connection.execute(
                insert(tables.address_leases).values(
                    pool_id=pool.id, address=address, service_id=person.service_id, nas_id=routers[0],
                    session_key=station.get(person.service_id), taken_at=now - timedelta(minutes=41), held_until_at=held_until_at,
                )
            )  # fmt: skip
        await work.connection.execute(
            update(tables.address_leases)
            .where(tables.address_leases.c.address == stolen.framed_ip)
            .values(service_id=people[11].service_id, session_key="48:8F:5A:00:00:99")
        )
        await work.connection.execute(
            update(tables.address_leases)
            .where(tables.address_leases.c.address.in_(["2001:db8:8000:700::/56", "2001:db8:8000:800::/56"]))
            .values(released_at=now - timedelta(minutes=12))
        )
        await work.connection.execute(
            update(tables.nas).where(tables.nas.c.id == routers[1]).values(suspect_since_at=now - timedelta(minutes=34))
        )


async def _serve() -> None:
    logging.basicConfig(level=logging.INFO)
    with tempfile.TemporaryDirectory() as place:
        database = Database(sqlite_url(Path(place) / "netbilld.db"))
        await upgrade(database)
        world = PanelWorld(database, SecretBox(bytes(32)), SystemClock())
        await seed(world)
        runner = web.AppRunner(world.app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 18080).start()
        print(f"http://127.0.0.1:18080  admin@rumahnet.example  {PASSWORD}", flush=True)  # noqa: T201 - its purpose
        await asyncio.Event().wait()


async def _seed_effects(
    world: PanelWorld, people: Sequence[Person], routers: Sequence[UUID], chance: random.Random, now: datetime
) -> None:
    """A payment that was followed to the end, figures of others, a NAS that lied, one that is mute, and two alerts."""
    paid = people[0]
    cause_at = now - timedelta(minutes=95)
    due_at = cause_at + timedelta(milliseconds=40)
    gone = await world.session(
        routers[0], paid, seen=Access.WALLED, state="closed", stopped_at=cause_at + timedelta(milliseconds=130)
    )
    about = {"outcome": "verified", "action": "disconnect", "due_at": due_at}
    await world.attempt(routers[0], paid, gone, Access.ACTIVE, "ok", **about)
    for number in range(60):
        kind = ("payment", "quota", "command", "calendar")[number % 4]
        at = cause_at if number == 0 else cause_at - timedelta(minutes=3 * number)
        back = at + timedelta(seconds=chance.uniform(4, 58)) if kind == "payment" else None
        sent_at = at + timedelta(seconds=chance.uniform(0.05, 0.3))
        await world.put(
            tables.effects,
            service_id=(paid if number == 0 else people[number % len(people)]).service_id,
            session_id=gone if number == 0 else 900_000 + number,
            nas_id=routers[number % 5 == 3],
            cause=kind,
            kind=kind,
            access="active" if back else "throttled",
            reason="ok" if back else "fair_use",
            profile_key=profile_of(Access.ACTIVE).key,
            is_return=back is not None,
            cause_at=at,
            due_at=due_at if number == 0 else at + timedelta(milliseconds=40),
            sent_at=sent_at,
            acknowledged_at=sent_at + timedelta(milliseconds=12),
            gone_at=sent_at + timedelta(milliseconds=30) if back else None,
            returned_at=back,
            seen_at=(back or sent_at) + timedelta(milliseconds=180),
            evidence="login" if back else "api",
            ending="seen",
        )
    liar = people[4]
    lied_at = now - timedelta(minutes=52)
    session_id = await world.session(routers[0], liar, seen=Access.ACTIVE, state="closed", stopped_at=lied_at)
    words = "acknowledged, but the queue still has 20M/10M"
    for more in (
        {"action": "coa", "outcome": "disproved", "disproved_at": lied_at + timedelta(seconds=3), "detail": words},
        {"action": "disconnect", "outcome": "verified", "sent_at": lied_at + timedelta(seconds=4)},
    ):
        lie = {"due_at": lied_at, "verified_at": None if more["action"] == "coa" else lied_at + timedelta(seconds=5)}
        await world.attempt(routers[0], liar, session_id, Access.THROTTLED, "fair_use", **(lie | more))
    stuck = people[13]
    for kind, service_id, reason in (
        ("not_done", stuck.service_id, "walled: no answer from 192.0.2.2:3799"),
        ("no_orders", None, "no answer from 192.0.2.2:3799"),
    ):
        await world.put(
            tables.alerts,
            kind=kind,
            subject=f"{kind}:{stuck.number}",
            service_id=service_id,
            nas_id=routers[1],
            reason=reason,
            raised_at=now - timedelta(minutes=7),
        )


async def _seed_throughput(
    world: PanelWorld, routers: list[UUID], service_id: UUID, chance: random.Random, now: datetime
) -> None:
    """Hours of NAS of a month, samples and slices of a day: busy in the evening, quiet at night."""

    def busy(at: datetime) -> float:
        hour = at.astimezone(ZoneInfo(ZONE)).hour + at.minute / 60
        return (0.25 + 0.75 * max(0.0, 1 - abs(hour - 20.5) / 7)) * chance.uniform(0.85, 1.15)

    hour_at = now.replace(minute=0, second=0, microsecond=0)
    hours = []
    for number, nas_id in enumerate(routers):
        for back in range(24 * 30):
            at = hour_at - timedelta(hours=back)
            down = int(busy(at) * 40e9 / (number + 1))
            hours.append({"nas_id": nas_id, "hour_at": at, "upload_octets": down // 9, "download_octets": down})
    samples = []
    for number, nas_id in enumerate(routers):
        for back in range(24 * 12):
            at = now - timedelta(minutes=5 * back)
            down = int(busy(at) * 90e6 / (number + 1))
            samples.append({"nas_id": nas_id, "at": at, "upload_bps": down // 9, "download_bps": down, "sessions": 9})
    slices = []
    for back in range(24 * 12):
        end_at = now.replace(second=0, microsecond=0) - timedelta(minutes=now.minute % 5 + 5 * back)
        down = int(busy(end_at) * chance.uniform(0, 1) * 500e6)
        slices.append({
            "service_id": service_id, "session_id": 1, "start_at": end_at - timedelta(minutes=5), "end_at": end_at,
            "upload_octets": down // 9, "download_octets": down, "source": "radius", "estimated": False,
        })  # fmt: skip
    async with world.database.write() as work:
        await work.connection.execute(insert(tables.usage_nas_hours), hours)
        await work.connection.execute(insert(tables.nas_samples), samples)
        await work.connection.execute(insert(tables.usage_slices), slices)


if __name__ == "__main__":
    asyncio.run(_serve())
