"""What is sold, collected, paid by gateways and told, in the panel's store: for tests that look at every page."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.billing.gateway import Fact, GatewayState
from netbilld.billing.gateway_differences import TheirPayment
from netbilld.model.permissions import Role
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.chat_records import Chat
from netbilld.services.gateway_report import Report, ReportRow
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.message_fields import EXAMPLES
from tests.panel_fixture import SYSTEM, ZONE, Browser, PanelWorld, Person, client_of
from tests.panel_money import once, pay

REF: Final = "{number}-AAAABBBBCCCC"
_KINDS: Final = (MessageKind.INVOICE_ISSUED, MessageKind.REMINDER, MessageKind.PAYMENT_RECEIVED)


async def sell(world: PanelWorld, person: Person) -> dict[str, str]:
    """Sell, collect, ask a gateway and tell somebody; return what there is by its directory, for `path_of`."""
    collector = await world.staff(Role.COLLECTOR, "agus@rumahnet.example")
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    now = world.clock.now()
    await keep.add("agus", "Agus Salim", staff=collector, actor=SYSTEM, now=now)
    async with client_of(world.app()) as client:
        office = Browser(client)
        await office.sign_in(await world.staff(Role.ADMIN, "kantor@rumahnet.example"))
        made = {"plan": "HOME20", "count": "30", "valid": "1d", "price": "5000", "agent_price": "4000", "once": once()}
        await office.send("/vouchers", made | {"only_sold": "yes", "name": "Hotspot harian"})
        sold = await office.send("/vouchers/V0001/sell", {"count": "3", "method": "cash", "once": once()})
        sale = re.search(r"[0-9a-f-]{36}", sold.headers["Location"])
        assert sale is not None
        await office.send("/agents", {"name": "sari", "full_name": "Warung Sari", "password": "kuda-poni-merah"})
        await office.send("/agents/sari/deposit", {"amount": "50000", "method": "cash", "once": once()})
        await office.send("/agents/sari/serve", {"number": person.number, "serves": "yes"})
        await pay(office, person, 90_000, collector="agus")
        counted = {"amount": "80000", "signed": "Agus", "why": "kurang", "seen": "90000", "once": once()}
        assert (await office.send("/handovers/agus/handover", counted)).status == 303
    ref = await _by_gateway(world, person)
    async with world.database.write() as work:
        for kind in _KINDS:
            await work.outbox.add(Message(kind, person.subscriber_id, EXAMPLES[kind], kind.value), now)
        message = await work.connection.scalar(select(tables.outbox.c.id))
        body = {"address": "6281234567890", "phone": "+6281234567890", "name": "Bud", "text": "Kapan pindah?"}
        await work.messengers.add_event("fonnte", "incoming", "1", {**body, "kind": "text"}, now)
        chat = await work.connection.scalar(select(tables.messenger_events.c.id))
        heard = Chat("fonnte", body["address"], "Bud", now, now, person_id=person.subscriber_id, last_event_id=chat)
        await work.messengers.put_chat(replace(heard, last_text=body["text"], waits_since_at=now))
    return {
        "vouchers": "V0001",
        "sales": sale[0],
        "agents": "sari",
        "handovers": "agus",
        "attempts": ref,
        "messages": str(message),
        "chats": str(chat),
    }


async def _by_gateway(world: PanelWorld, person: Person) -> str:
    """Let a payment be asked for, one come that nobody knows, and a report differ; return the ref of the first."""
    now, gateways = world.clock.now(), world.gateways()
    ref = REF.format(number=person.number)
    lasts = now + timedelta(hours=24)
    attempt = Attempt(
        ref, "midtrans", "va_bca", person.subscriber_id, None, 90_000, "IDR", GatewayState.PENDING, now, lasts,
        gateway_ref="g-1", number="12345678901", trouble="other_amount: 80000 IDR of 90000 IDR",
    )  # fmt: skip
    async with world.database.write() as work:
        await work.gateways.add(attempt)
        await work.gateways.add_fact(ref, "g-1", Fact(GatewayState.PENDING, 0), now)
    paid = {"order_id": "TOKO-1", "status_code": "200", "gross_amount": "86000.00", "transaction_status": "settlement"}
    proof = hashlib.sha512(f"{paid['order_id']}20086000.00none-such".encode()).hexdigest()
    said = {**paid, "transaction_id": "t-1", "currency": "IDR", "signature_key": proof}
    await gateways.keep.run("midtrans", {}, json.dumps(said).encode(), "192.0.2.77")
    await gateways.follow.run()
    report = Report((ReportRow(TheirPayment("TOKO-1", "t-1", 86_000, 0, 1_400), None),))
    await gateways.settle.take_report("midtrans", report, actor=SYSTEM, now=now)
    await gateways.close()
    return ref
