"""Vouchers in the running daemon: the shelf of unused codes, their first use, and their end."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.clock import entropy as system_entropy
from netbilld.adapters.database.changes import Change
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.gateway import GATEWAYS
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import tax_policy
from netbilld.model.actor import SCHEDULE
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.server import Request
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.authenticate import Admission, Answer
from netbilld.services.entitle import Entitle
from netbilld.services.keep_vouchers import KeepVouchers
from netbilld.services.order_vouchers import OrderVouchers, forget_orders
from netbilld.services.refund_vouchers import RefundVouchers
from netbilld.services.reply_messages import admission_message
from netbilld.services.sell_online import SellOnline
from netbilld.services.sell_vouchers import SellVouchers
from netbilld.services.start_payment import StartPayment
from netbilld.services.use_vouchers import UseVouchers
from netbilld.services.voucher_shelf import VoucherShelf

END_SECONDS: Final = 60.0
FORGET_SECONDS: Final = 3600.0
CAUSE: Final = "voucher.first_use"


class Vouchers:
    """`admit` is what log-ins are answered with from the start; `connect` says where the rest of the daemon is."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        admission: Admission,
    ) -> None:
        self._settings, self._database, self._box, self._clock = settings, database, box, clock
        self._entropy, self._admission = entropy, admission
        self.shelf: Final = VoucherShelf(box)
        self._use: UseVouchers | None = None

    def connect(self, directory: AccessDirectory, entitle: Entitle) -> None:
        """Let log-ins find the codes, and those that are used for the first time become services."""

        async def entitled(service_ids: Sequence[UUID], now: datetime) -> None:
            await entitle.run(service_ids, CAUSE, now)

        directory.unused = self.shelf
        self._use = UseVouchers(
            self._database,
            self.shelf,
            directory,
            entitled,
            self._admission,
            self._box,
            self._clock,
            self._entropy,
            lambda _service_id, reason: admission_message(reason, self._settings.locale),
        )

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Return what admission says, of a voucher once it has begun."""
        if self._use is None:
            return self._admission.admit(view, request, decision, now, answer)
        return self._use.admit(view, request, decision, now, answer)

    async def load(self) -> None:
        """Read every unused code.

        Raises:
            StoreUnavailableError: the database is away.
        """
        await self.shelf.load(self._database)

    async def follow(self, changes: Iterable[Change]) -> None:
        """Take over what somebody, or another node, has done to vouchers."""
        await follow(self.shelf, self._database, changes)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what a node does for ever that answers RADIUS, by name."""
        return {} if self._use is None else {"vouchers": self._use.run}

    def ending(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what one node does for ever, by name."""
        return {
            "vouchers that are over": partial(every, END_SECONDS, self._retire),
            "voucher orders": partial(every, FORGET_SECONDS, self._forget),
        }

    async def _retire(self) -> None:
        await KeepVouchers(self._database, self._box).retire(actor=SCHEDULE, now=self._clock.now())

    async def _forget(self) -> None:
        await forget_orders(self._database, self._clock.now())

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it: nothing."""
        return []

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        yield "netbilld_vouchers_unused", "gauge", "Codes that may be used for the first time.", [("", len(self.shelf))]
        if self._use is not None:
            counters = self._use.counters
            yield "netbilld_vouchers_begun_total", "counter", "First uses since the start.", [("", counters.begun)]


def sell_vouchers(settings: Settings, database: Database, box: SecretBox) -> SellVouchers:
    """Return what sells vouchers."""
    return SellVouchers(database, box, timezone=settings.timezone, tax=tax_policy(settings))


def refund_vouchers(settings: Settings, database: Database, box: SecretBox) -> RefundVouchers:
    """Return what gives money back for vouchers."""
    return RefundVouchers(database, box, timezone=settings.timezone, gateways=GATEWAYS, tax=tax_policy(settings))


def sell_online(settings: Settings, database: Database, box: SecretBox) -> SellOnline:
    """Return what sells vouchers that are paid in the captive portal."""
    return SellOnline(
        sell_vouchers(settings, database, box), refund_vouchers(settings, database, box), box, system_entropy
    )


def order_vouchers(settings: Settings, database: Database, box: SecretBox, start: StartPayment) -> OrderVouchers:
    """Return what takes orders in the captive portal."""
    return OrderVouchers(database, box, start, business_name=settings.business_name)


async def follow(shelf: VoucherShelf, database: Database, changes: Iterable[Change]) -> None:
    """Bring a shelf up to what changes say of vouchers.

    Raises:
        StoreUnavailableError: the database is away.
    """
    batches: set[UUID] = set()
    single: set[UUID] = set()
    for change in changes:
        if change.entity == "voucher":
            shelf.drop([UUID(change.entity_id)])
        elif change.entity == "voucher_batch":
            named = change.details.get("voucher_ids")
            if named is None:
                batches.add(UUID(change.entity_id))
            else:
                single.update(UUID(one) for one in named)
    if batches or single:
        await shelf.reload(database, batches, single)
