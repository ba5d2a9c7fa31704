"""A daemon with a gateway that this process plays: its settings, and payments as if they had been begun on the portal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from netbilld.adapters.database.engine import Database
from netbilld.billing.gateway import GatewayState
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.gateways import Made
from tests.daemon_process import DaemonProcess
from tests.fake_gateways import FakeGateway


def environment_of(fake: FakeGateway) -> dict[str, str]:
    """Return the settings of a gateway that runs already."""
    return {
        f"NETBILLD_GATEWAYS__{fake.name.upper()}__{name.upper()}": str(value) for name, value in fake.settings().items()
    }


def hook_of(daemon: DaemonProcess, fake: FakeGateway) -> str:
    """Return where the gateway calls back."""
    return f"http://127.0.0.1:{daemon.portal_port}/hook/{fake.name}"


async def begun(url: str, fake: FakeGateway, usernames: Sequence[str], amount: int, each: int = 1) -> dict[str, str]:
    """Put payments on record here and there, and return each one's name with whose it is."""
    database, now = Database(url), datetime.now(UTC)
    made: dict[str, str] = {}
    try:
        async with database.write() as work:
            for username in usernames:
                found = await work.subscribers.by_credential_name(username)
                assert found is not None
                for _ in range(each):
                    ref = f"{found.subscriber.number}-{len(fake.payments):012d}"
                    payment = fake.new(ref, amount, "QRIS")
                    attempt = Attempt(
                        ref=ref,
                        gateway=fake.name,
                        method="qris",
                        subscriber_id=found.subscriber.id,
                        invoice_id=None,
                        amount_minor=amount,
                        currency="IDR",
                        state=GatewayState.CREATED,
                        created_at=now,
                        expires_at=now + timedelta(hours=1),
                        next_look_at=now + timedelta(minutes=15),
                    )
                    await work.gateways.add(attempt)
                    await work.gateways.made(ref, Made(payment.name, qr_string="000201"), attempt.next_look_at)
                    made[ref] = username
    finally:
        await database.close()
    return made
