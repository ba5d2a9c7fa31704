"""From a recorded payment to a subscriber who is back, and from a command to a rate that was read back.

    python -m benchmarks.restoration [--subscribers 200]

A real daemon with PostgreSQL, and two routers made from the manual (`tests/routeros`) in this process, whose clock is
the witness: when a payment was recorded, when the Disconnect came, when the session ended, when the modem was back.
Payments arrive below the NAS's pace, and modems redial after a random 2 to 60 seconds. What netbilld has on record of
the same changes (`enforce effects`) is held against the same bars. Settles field asks 1 and 2; BANG-2.4e. On a machine
that does other things, put `chrt -r 5` before it: PostgreSQL, the daemon and the routers share one priority then.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update

from benchmarks.bars import Bar, at_least, at_most, print_bars
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes, credentials, service_terms, services
from netbilld.enforcement.effect_figures import Spread, spread
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import free_udp_port
from tests.postgres import cluster
from tests.routeros.fake_router import FakeRouter
from tests.routeros.radius_side import Dialled, Home, RadiusSide
from tests.routeros.terminal import Terminal

RESULTS: Final = Path(__file__).parent / "results" / "restoration.json"
PAYMENTS_PER_SECOND: Final = 2.0  # over two routers, each of which takes three Disconnects a second
COMMANDS_PER_SECOND: Final = 5.0  # a router takes ten CoA a second
REDIALS: Final = (2.0, 60.0)
RETURN_SECONDS: Final = 180
LEAVER: Final = "pergi"  # whose modem does not dial again
API_PASSWORD: Final = "rahasia-api"
FAST_PLAN: Final = FLAT_PLAN.replace("RUMAH20", "RUMAH50").replace('down = "20M"', 'down = "50M"')
SETTINGS: Final = """
/radius add service=ppp address=127.0.0.1 secret={secret} authentication-port={auth} accounting-port={acct} timeout=3s
/radius incoming set accept=yes port={coa}
/ppp aaa set use-radius=yes accounting=yes
/ip pool add name=pppoe ranges=10.{number}.0.2-10.{number}.7.254
/ip pool add name=isolir ranges=10.{number}.8.2-10.{number}.15.254
/ppp profile set default remote-address=pppoe
"""


@dataclass
class Followed:
    """What this process has seen of one subscriber's change, by its own clock."""

    username: str
    recorded_at: float = 0.0
    sent_at: float | None = None
    gone_at: float | None = None
    back_at: float | None = None
    is_restored: bool = False


@dataclass
class Town:
    daemon: DaemonProcess
    database_url: str
    sides: list[RadiusSide] = field(default_factory=list)
    where: dict[str, RadiusSide] = field(default_factory=dict)
    typing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one command at a time: they share this process

    async def type(self, *words: str) -> str:
        """Run one command that must succeed, and return what it printed."""
        async with self.typing:
            finished = await asyncio.to_thread(self.daemon.run, *words)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    async def add_router(self, stack: AsyncExitStack, number: int, *, with_api: bool) -> RadiusSide:
        host = f"127.0.9.{number}"
        router = FakeRouter(identity=f"pop{number}", host=host, password=API_PASSWORD)
        await stack.enter_async_context(router)
        coa_port = free_udp_port()
        Terminal(router.store).feed(
            SETTINGS.format(
                secret=SECRET, auth=self.daemon.auth_port, acct=self.daemon.acct_port, coa=coa_port, number=number
            )
        )
        side = await stack.enter_async_context(RadiusSide(router, host, automatic=True, seed=number))
        api = ("--api-url", f"api://netbilld:{API_PASSWORD}@{host}:{router.port}") if with_api else ()
        await asyncio.to_thread(self.daemon.nas, f"pop{number}", host, "--coa-port", str(coa_port), *api)
        self.sides.append(side)
        return side

    def add_home(self, username: str, side: RadiusSide, number: int) -> None:
        mac = f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}"
        side.add(Home(username, password="pw", mac=mac, redials=None if username == LEAVER else REDIALS))
        self.where[username] = side

    async def dial(self, usernames: list[str]) -> None:
        places = asyncio.Semaphore(8)

        async def one(username: str) -> None:
            async with places:
                await self.where[username].dial(username)

        await asyncio.gather(*(one(username) for username in usernames))


async def pace(count: int, per_second: float, chance: random.Random, work: Callable[[int], Any]) -> None:
    """Do something so often, at random distances, one after the other."""
    due_mono = time.monotonic()
    for number in range(count):
        due_mono += chance.expovariate(per_second)
        await asyncio.sleep(max(0.0, due_mono - time.monotonic()))
        await work(number)


async def restorations(town: Town, usernames: list[str], chance: random.Random) -> list[Followed]:
    """Everybody is inside the walls, for an invoice long overdue; then their payments are recorded one by one."""
    await town.dial(usernames)
    walled = {username: town.where[username].line(username) for username in usernames}
    assert all(line is not None and line.pool == "isolir" for line in walled.values()), "all are walled"
    owed = (await told(town, "subscriber", "show", usernames[0]))["outstanding"]  # all of them have the same plan
    followed = {username: Followed(username) for username in usernames}

    async def watch() -> None:
        while True:
            now = time.time()
            for one in followed.values():
                if one.is_restored:
                    continue
                side, before = town.where[one.username], walled[one.username]
                line = side.line(one.username)
                if one.gone_at is None and isinstance(before, Dialled) and before.ends is not None:
                    one.gone_at = now
                if one.gone_at is not None and line is not None and line is not before and line.pool != "isolir":
                    one.back_at, one.is_restored = now, True
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    order = list(usernames)
    chance.shuffle(order)

    async def pay(number: int) -> None:
        one = followed[order[number]]
        await town.type("payment", "add", one.username, str(owed), "--method", "cash")
        one.recorded_at = time.time()

    await pace(len(order), PAYMENTS_PER_SECOND, chance, pay)
    deadline = time.monotonic() + REDIALS[1] + 60
    while not all(one.is_restored for one in followed.values()) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    await asyncio.sleep(3)
    watching.cancel()
    offset = time.time() - time.monotonic()
    for side in town.sides:
        for asked in side.orders.asked:
            if asked.kind == "disconnect" and asked.username in followed:
                one = followed[asked.username]
                one.sent_at = min(one.sent_at or float("inf"), asked.at_mono + offset)
    return list(followed.values())


async def rates(town: Town, usernames: list[str], chance: random.Random) -> None:
    """Everybody is online; then their plans are changed one by one."""
    await town.dial(usernames)
    await asyncio.sleep(5)

    async def change(number: int) -> None:
        await town.type("subscriber", "set", usernames[number], "--plan", "RUMAH50")

    await pace(len(usernames), COMMANDS_PER_SECOND, chance, change)
    await asyncio.sleep(15)
    fast = [town.where[username].line(username) for username in usernames]
    assert all(line is not None and "50M" in line.rate_limit for line in fast), "every queue has the new rate"


async def leave(town: Town) -> float:
    """Let one pay who does not come back; return the seconds from the end of the session to the alert."""
    await town.dial([LEAVER])
    line = town.where[LEAVER].line(LEAVER)
    assert line is not None, "it is online"
    owed = (await told(town, "subscriber", "show", LEAVER))["outstanding"]
    await town.type("payment", "add", LEAVER, str(owed), "--method", "cash")
    while line.ends is None:  # noqa: ASYNC110 - the router knows no waiting
        await asyncio.sleep(0.01)
    gone_at = time.time()
    while time.time() < gone_at + RETURN_SECONDS + 60:
        await asyncio.sleep(0.5)
        for alert in await told(town, "enforce", "alerts"):
            if (alert["kind"], alert["username"]) == ("not_back", LEAVER):
                return datetime.fromisoformat(alert["raised_at"]).timestamp() - gone_at
        await asyncio.sleep(max(0.0, gone_at + RETURN_SECONDS - 2 - time.time()))
    return float("inf")


async def told(town: Town, *words: str) -> Any:
    return json.loads(await town.type(*words, "--json"))


async def long_overdue(town: Town, usernames: list[str]) -> None:
    """Let these services have begun on an earlier day, and a bill of theirs be long overdue."""
    on: date = datetime.now(UTC).date() - timedelta(days=60)
    database = Database(town.database_url)
    theirs = select(credentials.c.service_id).where(credentials.c.name.in_(usernames))
    async with database.write() as work:
        await work.connection.execute(
            update(services).where(services.c.id.in_(theirs)).values(activated_on=on, billing_day=on.day)
        )
        begun = update(service_terms).where(service_terms.c.service_id.in_(theirs)).values(from_on=on)
        await work.connection.execute(begun)  # what they are billed by, from that day
    await database.close()
    await asyncio.to_thread(town.daemon.cli, "invoice", "run", "--as-of", on.isoformat())


async def recorded(town: Town) -> dict[str, float]:
    """Return when each payment was recorded, by the name of its service, as the audit trail has it."""
    database = Database(town.database_url)
    found: dict[str, float] = {}
    async with database.read() as work:
        rows = await work.connection.execute(select(credentials.c.service_id, credentials.c.name))
        names = {str(service_id): name for service_id, name in rows}
        query = select(changes.c.at, changes.c.details).where(changes.c.action == "payment.add")
        for at, details in await work.connection.execute(query):
            for service_id in details["service_ids"]:
                found[names[service_id]] = at.timestamp()
    await database.close()
    return found


def bars_of(name: str, figures: dict[str, Spread | None], limits: dict[str, float]) -> list[Bar]:
    """Hold the 95th percentile of each step against its limit; a step that nobody took misses it."""
    return [
        at_most(f"{name}: {step}, p95", found.p95 if (found := figures[step]) is not None else 1e9, limit, "s")
        for step, limit in limits.items()
    ]


def shown(name: str, spread: Spread | None) -> str:
    if spread is None:
        return f"{name}: none"
    return (
        f"{name}: n {spread.count}, p50 {spread.p50:.3f}, p95 {spread.p95:.3f}, p99 {spread.p99:.3f}, "
        f"most {spread.most:.3f} s"
    )


def read_back(document: dict[str, Any], cause: str, step: str) -> Spread | None:
    """Return a spread of `enforce effects --json`."""
    for group in document["by_cause"]:
        if group["cause"] == cause and step in group:
            values = group[step]
            return Spread(values["changes"], values["p50"], values["p95"], values["p99"], values["most"])
    return None


async def measure(count: int, seed: int) -> tuple[list[Bar], dict[str, Any]]:
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netbilld-restoration-")))
        server = stack.enter_context(cluster())
        url = server.new_database()
        daemon = stack.enter_context(
            DaemonProcess(directory, url, NETBILLD_ENFORCEMENT__RETURN_SECONDS=str(RETURN_SECONDS))
        )
        town = Town(daemon, url)
        await asyncio.to_thread(daemon.init)
        await asyncio.to_thread(daemon.plan)
        await asyncio.to_thread(daemon.plan, FAST_PLAN)
        plain = [await town.add_router(stack, number, with_api=False) for number in (1, 2)]
        with_api = await town.add_router(stack, 3, with_api=True)
        payers = [f"home{number:03d}" for number in range(count)]
        changers = [f"kantor{number:03d}" for number in range(count // 2)]
        for number, username in enumerate(payers):
            town.add_home(username, plain[number % 2], number)
        for number, username in enumerate(changers, count):
            town.add_home(username, with_api, number)
        town.add_home(LEAVER, plain[0], 2 * count)
        people = directory / "subscribers.csv"
        people.write_text("username,password,plan\n" + "".join(f"{one},pw,RUMAH20\n" for one in town.where))
        await asyncio.to_thread(daemon.cli, "import", "subscribers", str(people))
        await long_overdue(town, [*payers, LEAVER])
        await asyncio.to_thread(daemon.start)
        load = os.getloadavg()[0]
        await rates(town, changers, chance)
        leaving = asyncio.create_task(leave(town))
        followed = await restorations(town, payers, chance)
        alert_seconds = await leaving
        effects = await told(town, "enforce", "effects")
        alerts = await told(town, "enforce", "alerts", "--all")
        at = await recorded(town)
        print(f"load {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end")

    def since(at_of: Callable[[Followed], float | None]) -> Spread | None:
        return spread(found - at[one.username] for one in followed if (found := at_of(one)) is not None)

    witnessed = {
        "order at the NAS": since(lambda one: one.sent_at),
        "session gone": since(lambda one: one.gone_at),
        "back": since(lambda one: one.back_at),
    }
    own = {step: read_back(effects, "payment", step) for step in ("desired", "sent", "gone", "seen", "after_return")}
    by_coa = {step: read_back(effects, "command", step) for step in ("desired", "sent", "acknowledged", "seen")}
    for heading, figures in (("witnessed", witnessed), ("payment", own), ("command by CoA, read back", by_coa)):
        for step, found in figures.items():
            print(shown(f"{heading}: {step}", found))
    bars = [
        *bars_of("payment, witnessed", witnessed, {"order at the NAS": 1.0, "session gone": 2.0}),
        *bars_of("payment, on record", own, {"sent": 1.0, "gone": 2.0, "after_return": 2.0}),
        *bars_of("command by CoA, read back", by_coa, {"seen": 2.0}),
        at_least("payments restored", sum(one.is_restored for one in followed), count),
        at_least("payments on record as seen", own["seen"].count if own["seen"] else 0, count),
        at_least("commands on record as seen", by_coa["seen"].count if by_coa["seen"] else 0, len(changers)),
        at_least("alert of who does not come back, not before", alert_seconds, RETURN_SECONDS - 1, "s"),
        at_most("alert of who does not come back, after", alert_seconds, RETURN_SECONDS + 5, "s"),
        at_most("other alerts", len(alerts) - 1, 0),
    ]
    return bars, {"effects": effects, "load": load}


def main() -> int:
    """Measure, print and keep the figures; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bars, more = asyncio.run(measure(options.subscribers, options.seed))
    print_bars(bars)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"bars": [bar.as_json() for bar in bars], **more}, indent=2) + "\n")
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
