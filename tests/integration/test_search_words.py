"""Words of a search: whoever has each of them in something that is known of them is found, and nobody else."""

from random import Random
from uuid import UUID

from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import services
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.people_views import PeopleFilter
from tests.people_world import NOW, STAFF, People, with_plans

NAMES = ("Budi", "Siti", "Ani", "Joko", "RT", "Melati", "50%", "a_b", "Jl.", "No.7")
AREAS = ("jabar/bandung/rw05", "jabar/Bogor", "rw1")


async def town(people: People, chance: Random) -> dict[UUID, list[str]]:
    """Return what is known of each service, as it is written; some have a second service elsewhere."""
    known: dict[UUID, list[str]] = {}
    for number in range(18):
        fields = {
            "name": f"{chance.choice(NAMES)} {chance.choice(NAMES)} {number}",
            "address": f"Jl. {chance.choice(NAMES)} No. {number % 5}, RW {number}" if number % 3 else "",
            "area": AREAS[number % 4] if number % 4 < 3 else "",
            "email": f"{chance.choice(NAMES[:4])}{number}@example.net".lower() if number % 2 else "",
            "phone": f"0812345678{number:02}" if number % 5 else "",
        }
        added = await people.add(f"User{number}@{chance.choice(NAMES[:4])}", **fields)
        found = await people.found(f"User{number}@".lower() + added.username.partition("@")[2])
        kept = found.subscriber
        of_subscriber = [kept.name, kept.number, *(kept.phone, kept.address, kept.area, kept.email)]
        words = [text for text in of_subscriber if text]
        known[found.service.id] = [*words, found.credential.name]
        if number % 6 == 0:
            await people.add(f"shop{number}", of=kept.number)
            second, site = await people.found(f"shop{number}"), f"Toko {chance.choice(NAMES)}"
            async with people.database.write() as work:
                there = update(services).where(services.c.id == second.service.id)
                await work.connection.execute(there.values(site=site))
            known[second.service.id] = [*words, second.credential.name, site]
    return known


async def found(database: Database, text: str) -> set[UUID]:
    async with database.read() as work:
        return set(await work.people.service_ids(PeopleFilter(text=text, sees_money=True), NOW.date(), 1000))


async def test_every_word_is_said_of_who_is_found_and_of_nobody_else(database: Database, box: SecretBox) -> None:
    people, chance = await with_plans(database, box, "HOME20"), Random(39)
    known = await town(people, chance)
    everything = [text for texts in known.values() for text in texts]
    for _ in range(60):
        pieces = [chance.choice("abesu%_j.")]  # a letter, so that it is no telephone number
        for _ in range(chance.randrange(4)):
            word = chance.choice(chance.choice(everything).split())
            begin = chance.randrange(len(word))
            pieces.append(word[begin : begin + chance.randint(1, 6)])
        text = " ".join(pieces)
        wanted = [piece.lower() for piece in pieces]
        expected = {
            service_id
            for service_id, texts in known.items()
            if all(any(word in said.lower() for said in texts) for word in wanted)
        }
        assert await found(database, text) == expected, text


async def test_what_is_changed_is_found_by_what_it_is_now(database: Database, box: SecretBox) -> None:
    people = await with_plans(database, box, "HOME20")
    await people.add("budi", name="Budi Santoso", address="Jalan Kenanga 9")
    changes = SubscriberChanges(name="Rina Wijaya", address="")
    await people.manage.set("budi", changes, STAFF, NOW)
    budi = (await people.found("budi")).service.id
    assert await found(database, "rina WIJAYA") == {budi}
    assert await found(database, "santoso") == await found(database, "kenanga") == set()
