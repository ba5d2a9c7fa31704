"""Random histories of static subscribers: whatever happens, all agrees in the end and nobody else's things were touched."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import services
from netbilld.adapters.secretbox import SecretBox
from tests.routeros.store import Item, TrapError
from tests.static_town import ANI, Town, static_town

MENUS = ("/queue/simple", "/ip/firewall/address-list", "/ipv6/firewall/address-list")
NAMES = [f"line{number}" for number in range(8)]
STEPS = 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
async def test_a_history_ends_with_no_difference_and_nothing_more_to_do(
    tmp_path: Path, sqlite_template: Path, box: SecretBox, seed: int
) -> None:
    path = tmp_path / "netbilld.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(sqlite_url(path))
    async with static_town(database, box) as town:
        chance = random.Random(seed)
        made_by_hand(town)
        before = hand_made(town)
        for number, name in enumerate(NAMES):
            await town.subscriber(name, f"10.0.0.{number}")
        for _ in range(STEPS):
            await something_happens(town, chance)
            if chance.random() < 0.5:
                await town.turn(chance.choice((0, 1, 61)))
        town.router.faults.forget_writes = False
        await town.router.vanish()
        await town.router.listen()
        await town.decide(*NAMES)
        town.keep.look_again()
        for _ in range(4):
            await town.turn(400)
        for name, view in (await town.views()).items():
            assert view.agrees, f"{name}: {view.state}"
        compared = await town.compare.run(town.nas_id)
        assert (compared.differ, compared.orders, compared.obstacles) == (0, (), ())
        assert hand_made(town) == before
        wrote = len(town.writes())
        await town.turn(61)
        await town.turn(61)
        assert len(town.writes()) == wrote
        assert await town.troubles() == []
    await database.close()


def made_by_hand(town: Town) -> None:
    store = town.router.store
    store["/queue/simple"].add({"name": "line3", "target": "10.9.0.1/32", "max-limit": "1M/1M"})
    store["/queue/simple"].add({"name": "semua", "target": "10.0.0.0/8", "max-limit": "1G/1G"})
    store["/ip/firewall/address-list"].add({"list": "isolir", "address": "10.9.0.1", "comment": "lama"})


def hand_made(town: Town) -> list[dict[str, str]]:
    return [
        {name: value for name, value in row.items() if name not in {".id", "bytes"}}
        for menu in MENUS
        for row in town.router.rows(menu)
        if not row.get("comment", "").startswith("netbilld:v=")
    ]


def ours(town: Town, menu: str) -> list[Item]:
    return [item for item in town.router.store[menu].items if item.get("comment").startswith("netbilld:v=")]


async def something_happens(town: Town, chance: random.Random) -> None:
    """Let a person, a payment, a quota, the calendar or the router do something."""
    name, table = chance.choice(NAMES), town.router.store["/queue/simple"]
    service_id = town.services[name]
    match chance.randrange(10):
        case 0:
            await town.world.set(services, services.c.id == service_id, status="suspended")
        case 1:
            await town.world.set(services, services.c.id == service_id, status="active")
        case 2:
            await town.world.forget_usage(service_id)
            await town.world.use(service_id, chance.choice((1, 10**9)))
        case 3:
            await town.world.invoice(service_id, (town.clock.now() - timedelta(days=9)).date())
        case 4:
            town.router.reboot()
        case 5:
            town.router.faults.forget_writes = not town.router.faults.forget_writes
        case 6:
            town.router.drop_connections()
        case 7 if ours(town, "/queue/simple"):
            item = chance.choice(ours(town, "/queue/simple"))
            edits = ({"max-limit": "9M/9M"}, {"disabled": "yes"}, {"target": "10.0.3.3/32"}, {"name": "gratis"})
            try:
                table.set(item, chance.choice(edits))
            except TrapError:
                table.remove(item)
        case 8:
            for menu in MENUS:
                for item in ours(town, menu):
                    if chance.random() < 0.5:
                        town.router.store[menu].remove(item)
        case _:
            async with town.database.read() as work:
                line = await work.static_lines.of_service(service_id)
            if line is not None:
                await town.manage.remove(name, ANI, town.clock.now())
            else:
                await town.manage.add(name, "pop1", [f"10.0.0.{NAMES.index(name)}"], ANI, town.clock.now())
            town.keep.look_again()
    await town.decide(name)
