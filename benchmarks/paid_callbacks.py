"""From a gateway's callback to the order at the router, and a burst of callbacks of which none may be lost.

    python -m benchmarks.paid_callbacks [--subscribers 100] [--burst 2000] [--gateway midtrans]

A real daemon with PostgreSQL, two routers made from the manual in this process, and a gateway that calls back over a
socket (`tests/fake_gateways`): its signature covers all, or, with --gateway midtrans, the daemon asks it before it
believes it. First everybody is walled and pays one after the other, below the routers' pace: the clock runs from the
moment the callback is sent to the Disconnect at the router. Then the burst: 200 callbacks a second, a tenth of them
twice; each has to be answered, and in the end each payment is on record once. Settles issue bars of paid callbacks.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, TCPConnector
from sqlalchemy import func, select

from benchmarks.bars import Bar, at_least, at_most, print_bars
from benchmarks.restoration import PAYMENTS_PER_SECOND, Followed, Town, pace, shown
from benchmarks.run import write_results
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import gateway_inbox, payments
from netbilld.enforcement.effect_figures import spread
from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.fake_gateways import FakeGateway, FakeMidtrans, FakeTripay, running
from tests.gateway_daemon import begun, environment_of, hook_of
from tests.postgres import cluster

BURST_PER_SECOND: Final = 200.0
ANSWER_SECONDS: Final = 0.5
ORDER_SECONDS: Final = 1.0
MOST_CONNECTIONS: Final = 48
SETTLE_SECONDS: Final = 15.0  # after the start, and after the last payment
OWED: Final = 200_000
PREPAID_PLAN: Final = (
    FLAT_PLAN.replace("RUMAH20", "PRA30").replace('"postpaid"', '"prepaid"').replace('"month"', '"30d"')
)
DRAIN_SECONDS: Final = 600


async def paid(town: Town, fake: FakeGateway, usernames: list[str], chance: random.Random) -> list[Followed]:
    """Everybody is inside the walls, for a period that is not paid; then each pays at the gateway, which calls back."""
    await town.dial(usernames)
    lines = [town.where[username].line(username) for username in usernames]
    assert all(line is not None and line.pool == "isolir" for line in lines), "all are walled"
    refs = {username: ref for ref, username in (await begun(town.database_url, fake, usernames, OWED)).items()}
    followed = {username: Followed(username) for username in usernames}
    await asyncio.sleep(SETTLE_SECONDS)  # what a daemon does once after its start is over then
    order = list(usernames)
    chance.shuffle(order)

    async def pay(number: int) -> None:
        username = order[number]
        fake.pay(refs[username])
        followed[username].recorded_at = time.time()
        [answer] = await fake.tell(refs[username])
        assert answer.status == 200, answer

    await pace(len(order), PAYMENTS_PER_SECOND, chance, pay)
    await asyncio.sleep(SETTLE_SECONDS)
    offset = time.time() - time.monotonic()
    for side in town.sides:
        for asked in side.orders.asked:
            one = followed.get(asked.username or "")
            if asked.kind == "disconnect" and one is not None:
                one.sent_at = min(one.sent_at or float("inf"), asked.at_mono + offset)
    return list(followed.values())


async def burst(town: Town, fake: FakeGateway, usernames: list[str], count: int) -> tuple[list[float], int]:
    """Send so many callbacks at the pace; return the seconds of each answer, and how many were not answered well."""
    each = -(-count // len(usernames))
    refs = list(await begun(town.database_url, fake, usernames, 1_000, each))
    sent = [*refs, *refs[::10]]
    seconds: list[float] = []
    bad = 0
    async with ClientSession(connector=TCPConnector(limit=MOST_CONNECTIONS)) as session:

        async def send(ref: str) -> None:
            nonlocal bad
            payment = fake.pay(ref)
            headers, body = fake.callback(payment, payment.status, payment.amount)
            began = time.perf_counter()
            async with session.post(fake.hook, data=body, headers=headers) as answer:
                await answer.read()
                bad += answer.status != 200
            seconds.append(time.perf_counter() - began)

        began, tasks = time.monotonic(), []
        for number, ref in enumerate(sent):
            await asyncio.sleep(max(0.0, began + number / BURST_PER_SECOND - time.monotonic()))
            tasks.append(asyncio.create_task(send(ref)))
        await asyncio.gather(*tasks)
    return seconds, bad


async def on_record(url: str, gateway: str) -> tuple[int, int, int]:
    """Return payments on record, of how many attempts they are, and callbacks that are not followed yet."""
    database = Database(url)
    booked = select(func.count(), func.count(payments.c.note.distinct())).where(payments.c.method == gateway)
    waiting = select(func.count()).where(gateway_inbox.c.state == "new")
    try:
        async with database.read() as work:
            count, attempts = (await work.connection.execute(booked)).one()  # a note names its attempt
            return count, attempts, int(await work.connection.scalar(waiting) or 0)
    finally:
        await database.close()


async def booked_seconds(url: str) -> list[float]:
    """Return how long each callback waited from being kept to being booked, as the inbox has it."""
    database = Database(url)
    try:
        async with database.read() as work:
            query = select(gateway_inbox.c.received_at, gateway_inbox.c.ended_at)
            rows = (await work.connection.execute(query)).all()
            return [(row.ended_at - row.received_at).total_seconds() for row in rows if row.ended_at is not None]
    finally:
        await database.close()


async def measure(subscribers: int, count: int, fake: FakeGateway, seed: int) -> tuple[list[Bar], dict[str, Any]]:
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netbilld-callbacks-")))
        url = stack.enter_context(cluster()).new_database()
        await stack.enter_async_context(running(fake))
        daemon = stack.enter_context(DaemonProcess(directory, url, **environment_of(fake)))
        fake.hook = hook_of(daemon, fake)
        town = Town(daemon, url)
        await asyncio.to_thread(daemon.init)
        await asyncio.to_thread(daemon.plan, PREPAID_PLAN)
        sides = [await town.add_router(stack, number, with_api=False) for number in (1, 2)]
        usernames = [f"home{number:03d}" for number in range(subscribers)]
        for number, username in enumerate(usernames):
            town.add_home(username, sides[number % 2], number)
        people = directory / "subscribers.csv"
        people.write_text("username,password,plan\n" + "".join(f"{one},pw,PRA30\n" for one in usernames))
        await asyncio.to_thread(daemon.cli, "import", "subscribers", str(people))
        await asyncio.to_thread(daemon.start)
        load = os.getloadavg()[0]
        followed = await paid(town, fake, usernames, chance)
        (before, *_), booked = await on_record(url, fake.name), spread(await booked_seconds(url))
        seconds, bad = await burst(town, fake, usernames, count)
        began = time.monotonic()
        wanted = before + -(-count // subscribers) * subscribers
        found, attempts, waiting = await on_record(url, fake.name)
        while (attempts < wanted or waiting) and time.monotonic() < began + DRAIN_SECONDS:  # also those that come twice
            await asyncio.sleep(1)
            found, attempts, waiting = await on_record(url, fake.name)
        drained_seconds = time.monotonic() - began
    orders = spread(one.sent_at - one.recorded_at for one in followed if one.sent_at is not None)
    answers = spread(seconds)
    print(shown("callback sent to order at the NAS", orders))
    print(shown("of that, callback kept to payment booked", booked))
    print(shown("callback answered in the burst", answers))
    asked = sum(path.endswith("/status") for _, path in fake.asked)  # of a gateway that confirms what it calls back
    print(f"status calls of ours: {asked}")
    print(f"burst on record {drained_seconds:.0f} s after its end; load {load:.1f} at the beginning")
    bars = [
        at_most("callback to order at the NAS, p95", orders.p95 if orders else 1e9, ORDER_SECONDS, "s"),
        at_least("orders at the NAS", orders.count if orders else 0, subscribers),
        at_most("burst: slowest answer", answers.most if answers else 1e9, ANSWER_SECONDS, "s"),
        at_most("burst: answered otherwise than well", bad, 0),
        at_least("burst: payments on record", attempts, wanted),
        at_most("burst: payments on record twice", found - attempts, 0),
    ]
    return bars, {
        "gateway": fake.name,
        "load": load,
        "drained_seconds": round(drained_seconds, 1),
        "status_calls": asked,
    }


def main() -> int:
    """Measure, print and keep the figures; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--burst", type=int, default=2_000)
    parser.add_argument("--gateway", choices=("tripay", "midtrans"), default="tripay")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fake = FakeTripay() if options.gateway == "tripay" else FakeMidtrans()
    bars, figures = asyncio.run(measure(options.subscribers, options.burst, fake, options.seed))
    name = "paid_callbacks" if fake.name == "tripay" else f"paid_callbacks_{fake.name}"
    write_results(name, figures, bars)
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
