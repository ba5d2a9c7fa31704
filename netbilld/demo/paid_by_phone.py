"""What the pretended gateway has seen before the demo begins: bills paid by phone, one too late, and what differs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway_differences import TheirPayment
from netbilld.daemon.gateways import book_notice_of, drivers_of, settle_gateways_of, start_payment_of
from netbilld.daemon.settings import Settings
from netbilld.demo.gateway import PretendedGateway
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.ports.gateway_records import Attempt
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.gateway_report import Report, ReportRow
from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.start_payment import Asked

_WAYS: Final = ("midtrans:qris", "midtrans:va_bca")
_FEE_MINOR: Final = 1_400
_GATEWAY: Final = "midtrans"
_PAYOUTS: Final = ("PO-1001", "PO-1002")
_BOOKS: Final = Actor("rina@demo.example", "demo")
_SOURCE: Final = "127.0.0.1"


@dataclass(slots=True)
class _Then:
    """A clock that stands where it is put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class PaidByPhone:
    """Pays by the gateway at moments that are over."""

    def __init__(self, settings: Settings, database: Database, box: SecretBox, gateway: PretendedGateway) -> None:
        self._settings, self._database, self._gateway = settings, database, gateway
        self._then = _Then(SystemClock().now())
        self._https: list[GatewayHttp] = []
        drivers = drivers_of(settings.gateways, SystemClock(), self._https)
        self._start = start_payment_of(settings, database, drivers)
        self._keep = KeepCallbacks(database, box, drivers, self._then.now, lambda: None)
        self._follow = FollowGateways(
            database, drivers, book_notice_of(settings, database, box), self._then.now, lambda: None
        )

    async def close(self) -> None:
        """Close the connections."""
        for http in self._https:
            await http.close()

    async def pay(self, owed: dict[str, int], now: datetime) -> None:
        """Let homes pay what they owe during the last days; what the gateway has paid out does not agree in all.

        Args:
            owed: by user name, in minor units.
            now: the moment the demo begins.
        """
        paid: list[Attempt] = []
        for number, (name, amount_minor) in enumerate(owed.items()):
            began_at = now - timedelta(hours=60 - 5 * number, minutes=17 * number)
            attempt = await self._begin(name, amount_minor, _WAYS[number % len(_WAYS)], began_at)
            await self._tell(self._gateway.ends(attempt.ref, is_paid=True), began_at + timedelta(minutes=4))
            paid.append(attempt)
        await self._tell(self._gateway.stranger("TOKO-2291", 86_000), now - timedelta(hours=7))
        await self._keep.run(_GATEWAY, {}, b'{"order_id": "x", "signature_key": "y"}', _SOURCE)
        await self._settle(paid, now)

    async def let_expire(self, name: str, amount_minor: int, now: datetime) -> None:
        """Let somebody begin to pay, and not go on."""
        attempt = await self._begin(name, amount_minor, "midtrans:va_bca", now - timedelta(days=2))
        await self._tell(self._gateway.ends(attempt.ref, is_paid=False), now - timedelta(days=1))

    async def pay_too_little(self, name: str, amount_minor: int, short_minor: int, now: datetime) -> None:
        """Let a payment come that is of less than was asked for."""
        attempt = await self._begin(name, amount_minor, "midtrans:page", now - timedelta(hours=3))
        await self._tell(self._gateway.other_amount(attempt.ref, amount_minor - short_minor), now - timedelta(hours=2))

    async def _begin(self, name: str, amount_minor: int, way: str, at: datetime) -> Attempt:
        async with self._database.read() as work:
            found = await work.subscribers.by_credential_name(name)
        assert found is not None, "it was added before"  # noqa: S101
        self._then.at = at
        url = f"http://{_SOURCE}:{self._settings.portal.port}"
        return await self._start.run(
            Asked(found.subscriber.id, None, amount_minor, way),
            public_url=url,
            back_url=url + "/bayar/{ref}",
            actor=Actor(name, "portal"),
            now=at,
        )

    async def _tell(self, body: bytes, at: datetime) -> None:
        self._then.at = at
        await self._keep.run(_GATEWAY, {}, body, _SOURCE)
        await self._follow.run()

    async def _settle(self, paid: list[Attempt], now: datetime) -> None:
        """Take the gateway's report: one payout that agrees, one with a payment of which our books know less."""
        settle, rows = settle_gateways_of(self._settings, self._database), []
        half = len(paid) // 2
        for number, one in enumerate(paid):
            odd = 500 if number == half else 0
            their = TheirPayment(
                one.ref, self._gateway.transaction(one.ref), one.amount_minor + odd, 0, _FEE_MINOR,
                _PAYOUTS[number >= half],
            )  # fmt: skip
            rows.append(ReportRow(their, local_date(now - timedelta(days=1), self._settings.timezone)))
        unknown = TheirPayment("TOKO-2291", "7c21a9e0", 86_000, 0, _FEE_MINOR)
        await settle.take_report(_GATEWAY, Report((*rows, ReportRow(unknown, None))), actor=_BOOKS, now=now)
        await settle.compare(_GATEWAY, now)
