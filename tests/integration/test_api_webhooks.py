"""Outgoing webhooks, on both databases: told once, signed, again where not taken, and never to the inside."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from netbilld.adapters.clock import entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.webhook_client import INSIDE, WebhookClient, is_outside
from netbilld.daemon.billing import billing_run
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.webhook import WAITS
from netbilld.services.deliver_webhooks import DeliverWebhooks
from netbilld.services.manage_webhooks import MadeWebhook, ManageWebhooks, web_address
from netbilld.services.queue_events import QueueEvents
from netbilld.services.webhook_events import EVENTS
from tests.api_world import OWNER, Program, api_app, client_of, settings_of, token_of
from tests.clock import SteppedClock
from tests.panel_fixture import NOW, ZONE, PanelWorld, Person
from tests.webhook_receiver import Receiver, receiver


class Town:
    """A provider with webhooks, sending to loopback since its settings allow that."""

    def __init__(self, world: PanelWorld, directory: Path) -> None:
        self.world, self.directory = world, directory
        self.client = WebhookClient(allow_private=True, timeout_seconds=5)
        self.manage = ManageWebhooks(world.database, world.box, self.client, entropy, ZONE)
        self.restart()

    def restart(self) -> None:
        self.queue = QueueEvents(self.world.database, self.world.clock, ZONE)
        self.deliver = DeliverWebhooks(
            self.world.database, self.world.box, self.client, self.world.clock, timedelta(days=30)
        )

    async def add(self, url: str, *events: str, name: str = "bank") -> MadeWebhook:
        return await self.manage.add(name, url, events or tuple(EVENTS), OWNER, self.world.clock.now())

    async def round(self) -> int:
        await self.queue.run()
        return await self.deliver.run()

    async def states(self) -> list[tuple[str, int]]:
        async with self.world.database.read() as work:
            query = select(tables.webhook_deliveries.c.state, tables.webhook_deliveries.c.attempts)
            return [(row.state, row.attempts) for row in await work.connection.execute(query)]


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box, clock=SteppedClock(NOW))


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet")


@pytest.fixture
async def town(world: PanelWorld, person: Person, tmp_path: Path) -> Town:
    del person
    return Town(world, tmp_path)


@pytest.fixture
async def bank() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


@pytest.fixture
async def program(town: Town) -> AsyncIterator[Program]:
    async with client_of(api_app(town.world, town.directory)) as client:
        yield Program(client, await token_of(town.world))


async def test_what_happens_is_told_signed_and_once(
    town: Town, program: Program, person: Person, bank: Receiver
) -> None:
    """INCA-15: other systems are told; nothing of what was before, and each event once."""
    made = await town.add(bank.url)
    pay = {"subscriber_no": person.number, "amount": 300_000, "method": "transfer", "reference": "BCA-1"}
    paid = await program.post("/payments", pay, 201)
    await program.post(f"/services/{person.service_id}/suspend", {"reason": "cuti"})
    await program.post(f"/services/{person.service_id}/resume")
    await program.patch(f"/subscribers/{person.number}", {"phone": "08123456789"})
    new = {"subscriber_no": person.number, "lines": [{"text": "Kabel", "unit_price": 150_000}]}
    invoice = await program.post("/invoices", new, 201)
    await program.post(f"/invoices/{invoice['number']}/credit-notes", {"why": "salah"}, 201)
    assert await town.round() == 6
    told = {one.event["type"]: one for one in bank.told}
    assert list(told) == [
        "payment.received", "service.suspended", "service.resumed", "subscriber.changed", "invoice.issued",
        "invoice.credited",
    ]  # fmt: skip
    assert all(one.is_signed_by(made.secret) and not one.is_signed_by("whsec_x") for one in bank.told)
    received = told["payment.received"].event
    assert received["data"] == {
        "actor": "token uji", "payment_id": paid["id"], "subscriber_no": person.number, "amount": 300_000,
        "method": "transfer", "reference": "BCA-1", "to_wallet": 300_000,
    }  # fmt: skip
    assert received["at"] == "2026-11-22T15:02:07+07:00"
    assert told["payment.received"].headers["Netbilld-Event-Id"] == received["id"]
    assert told["invoice.issued"].event["data"]["total"] == 150_000
    assert told["subscriber.changed"].event["data"]["fields"] == ["phone"]
    assert {one.event["data"]["subscriber_no"] for one in bank.told if "invoice.c" not in one.event["type"]} == {
        person.number
    }
    assert "08123456789" not in str([one.body for one in bank.told])  # who wants the number may ask for it
    town.restart()
    assert await town.round() == 0
    assert len(bank.told) == 6


async def test_a_billing_run_is_told_invoice_by_invoice(town: Town, bank: Receiver, world: PanelWorld) -> None:
    await world.person("siti@rumahnet", "Siti")
    await town.add(bank.url, "invoice.issued")
    now = world.clock.now()
    await billing_run(settings_of(town.directory), world.database).run(
        as_of=local_date(now, ZONE), now=now, actor=SCHEDULE
    )
    await town.round()
    numbers = [one.event["data"]["number"] for one in bank.told]
    assert len(numbers) == len(set(numbers)) == 2
    assert {one.event["data"]["subscriber_no"] for one in bank.told} == {"100001", "100002"}


async def test_a_used_up_allowance_is_told(town: Town, bank: Receiver, world: PanelWorld, person: Person) -> None:
    await town.add(bank.url, "quota.crossed")
    await world.put(
        tables.quota_crossings, service_id=person.service_id, start_on=NOW.date(), at=NOW, limit_octets=100,
        over_octets=7, line_rate_bps=1, interval_seconds=300, was_watched=False,
    )  # fmt: skip
    await town.round()
    [one] = bank.told
    assert one.event["data"] == {"service_id": str(person.service_id), "limit_octets": 100, "used_octets": 107}
    for _ in range(3):
        assert await town.queue.run() == 0  # nothing is written when nothing is new
    await town.round()
    assert len(bank.told) == 1


async def test_only_what_was_asked_for_is_told_and_nothing_while_it_is_off(
    town: Town, program: Program, person: Person, bank: Receiver, world: PanelWorld
) -> None:
    made = await town.add(bank.url, "service.resumed")
    path = f"/services/{person.service_id}"
    await program.post(f"{path}/suspend", {"reason": "x"})
    await town.manage.switch(made.webhook.id, OWNER, world.clock.now(), is_active=False)
    await program.post(f"{path}/resume")
    assert await town.round() == 0
    world.clock.pass_time(seconds=60)  # type: ignore[attr-defined]  # it is stepped
    assert await town.manage.switch(made.webhook.id, OWNER, world.clock.now(), is_active=True)
    town.restart()
    assert await town.round() == 0
    await program.post(f"{path}/suspend", {"reason": "y"})
    await program.post(f"{path}/resume")
    assert await town.round() == 1
    assert [one.event["type"] for one in bank.told] == ["service.resumed"]


async def test_what_is_not_taken_is_sent_again_later_and_given_up_at_last(
    town: Town, bank: Receiver, world: PanelWorld
) -> None:
    made = await town.add(bank.url)
    await town.manage.ping(made.webhook.id, OWNER, NOW)
    bank.status = 500
    for number, wait in enumerate(WAITS, 1):
        assert await town.round() == 1
        assert await town.states() == [("queued", number)]
        world.clock.pass_time(seconds=wait.total_seconds() - 1)  # type: ignore[attr-defined]  # it is stepped
        assert await town.round() == 0
        world.clock.pass_time(seconds=1)  # type: ignore[attr-defined]
    assert await town.round() == 1
    assert await town.states() == [("dead", len(WAITS) + 1)]
    world.clock.pass_time(days=20)  # type: ignore[attr-defined]
    assert await town.round() == 0
    assert len({one.headers["Netbilld-Event-Id"] for one in bank.told}) == 1
    assert len({one.headers["Netbilld-Signature"] for one in bank.told}) == len(bank.told)  # each with its own time
    [row] = (await town.manage.log(made.webhook.id, 0))[1]
    assert (row.last_status, row.last_error) == (500, "answered 500")
    bank.status = 200
    assert await town.manage.replay(made.webhook.id, row.id, OWNER, world.clock.now())
    assert not await town.manage.replay(made.webhook.id, row.id, OWNER, world.clock.now())
    assert await town.round() == 1
    assert await town.states() == [("delivered", 1)]
    world.clock.pass_time(days=31)  # type: ignore[attr-defined]
    assert await town.deliver.prune() == 1


async def test_one_that_is_gone_is_given_up_at_once(town: Town, bank: Receiver) -> None:
    made = await town.add(bank.url)
    await town.manage.ping(made.webhook.id, OWNER, NOW)
    bank.status = 410
    await town.round()
    assert await town.states() == [("dead", 1)]


async def test_one_whose_secret_is_of_another_key_keeps_no_other_from_being_told(
    town: Town, bank: Receiver, world: PanelWorld
) -> None:
    ids = [(await town.add(bank.url, name=name)).webhook.id for name in ("rusak", "bank")]
    async with world.database.write() as work:
        lost = update(tables.webhooks).where(tables.webhooks.c.id == ids[0]).values(secret_sealed=b"not ours")
        await work.connection.execute(lost)
    for webhook_id in ids:
        await town.manage.ping(webhook_id, OWNER, NOW)
    assert await town.round() == 2
    assert len(bank.told) == 1
    assert sorted(await town.states()) == [("delivered", 1), ("queued", 1)]
    (row,) = (await town.manage.log(ids[0], 0))[1]
    assert row.last_error is not None
    assert "can't be opened with the key in use" in row.last_error


async def test_one_that_hangs_keeps_the_others_waiting_no_longer_than_its_time(
    town: Town, bank: Receiver, world: PanelWorld
) -> None:
    async with receiver() as slow:
        slow.hangs = True
        town.client._timeout = type(town.client._timeout)(total=0.2)
        ids = [(await town.add(one.url, name=name)).webhook.id for one, name in ((slow, "lambat"), (bank, "bank"))]
        for _ in range(3):
            for webhook_id in ids:
                await town.manage.ping(webhook_id, OWNER, NOW)
        assert await town.round() == 4  # three to the one, one to the other
        assert (len(slow.told), len(bank.told)) == (1, 3)
        rows = (await town.manage.log(ids[0], 0))[1]
        assert {row.last_error for row in rows} == {None, "no answer within 0.2 s"}
        del world


async def test_an_answer_that_points_elsewhere_is_not_followed(town: Town, bank: Receiver) -> None:
    async with receiver() as inside:
        bank.status, bank.location = 307, inside.url
        made = await town.add(bank.url)
        await town.manage.ping(made.webhook.id, OWNER, NOW)
        await town.round()
        assert (len(bank.told), len(inside.told)) == (1, 0)
        assert await town.states() == [("queued", 1)]


INSIDE_URLS = (
    "http://127.0.0.1/", "http://127.1/", "http://0.0.0.0/", "http://[::1]/", "http://10.0.0.1/", "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/",
    "http://[2002:a00:1::]/", "http://[fe80::1]/", "http://[fd00::1]/", "http://[fec0::1]/",
    "http://[64:ff9b:1::a00:1]/", "http://[::a00:1]/", "http://100.64.0.1/", "http://224.0.0.1/",
    "http://localhost/", "http://x.localhost/", "http://printer.local/", "http://0x7f.1/", "http://2130706433/",
    "https://127.0.0.1:8080/api/v1/plans",
)  # fmt: skip


@pytest.mark.parametrize("url", INSIDE_URLS)
async def test_nothing_is_sent_to_the_inside(url: str) -> None:
    """However the address is written: also in ways that only a resolver understands."""
    sent = await WebhookClient(allow_private=False, timeout_seconds=2).post(url, {}, b"{}")
    assert sent.status is None
    assert sent.error is not None
    assert sent.error == INSIDE or "not a canonical IPv4" in sent.error, sent


async def test_a_name_that_stands_for_the_inside_is_seen_when_it_is_asked_for(
    bank: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may stand for the outside when it is set up and for the inside later: what is connected to is judged."""
    import socket  # noqa: PLC0415

    port = int(bank.url.split(":")[2].split("/")[0])

    def resolve(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = f"http://hooks.example.net:{port}/"
    sent = await WebhookClient(allow_private=False, timeout_seconds=2).post(url, {}, b"{}")
    assert (sent.status, sent.error) == (None, INSIDE)
    assert (await WebhookClient(allow_private=True, timeout_seconds=2).post(url, {}, b"{}")).status == 204
    assert len(bank.told) == 1


def test_the_outside_is_the_outside() -> None:
    for address in ("8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8"):
        assert is_outside(address), address


async def test_what_a_webhook_can_not_be_is_refused(town: Town, bank: Receiver, world: PanelWorld) -> None:
    for url in ("", "x", "ftp://example.net/", "https://", "https://user:pw@example.net/", "https://example.net:0/",
                "https://example.net:99999/", "https://a\r\nb/", "https://exämple.net/", "javascript:alert(1)",
                "https://example.net/" + "x" * 500):  # fmt: skip
        with pytest.raises(InvalidInputError):
            web_address(url)
    await town.add(bank.url)
    with pytest.raises(RefusedError):
        await town.add(bank.url, name="BANK")
    with pytest.raises(InvalidInputError):
        await town.add(bank.url, "nothing.happened", name="b")
    with pytest.raises(InvalidInputError):
        await town.manage.add("b", bank.url, [], OWNER, NOW)
    with pytest.raises(NotFoundError):
        await town.manage.ping(uuid4(), OWNER, NOW)
    closed = ManageWebhooks(
        world.database, world.box, WebhookClient(allow_private=False, timeout_seconds=1), entropy, ZONE
    )
    with pytest.raises(RefusedError):
        await closed.add("c", "http://192.168.88.1/", ["payment.received"], OWNER, NOW)


async def test_its_secret_is_sealed_and_in_no_trail(town: Town, bank: Receiver, world: PanelWorld) -> None:
    made = await town.add(bank.url)
    async with world.database.read() as work:
        [row] = (await work.connection.execute(select(tables.webhooks))).mappings()
        changes = await work.changes.since(0)
    assert made.secret.encode() not in bytes(row["secret_sealed"])
    assert made.secret not in json.dumps([dict(change.details) for change in changes], default=str)
    await town.manage.remove(made.webhook.id, OWNER, NOW)
    assert list(await town.manage.list()) == []
