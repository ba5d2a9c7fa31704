"""A kiosk of vouchers, and RADIUS nodes before one database where codes are typed in, on a calendar of the test's own."""

import os
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.standing import StandingPolicy
from netbilld.model.actor import Actor
from netbilld.model.voucher import Batch, ValidFrom
from netbilld.radius.access import Decision
from netbilld.radius.attributes import CALLING_STATION_ID, CHAP_CHALLENGE, CHAP_PASSWORD, USER_NAME, USER_PASSWORD
from netbilld.radius.authenticator import md5
from netbilld.radius.codes import Code
from netbilld.radius.passwords import hide_password
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.admission import Admit
from netbilld.services.attempt_buffer import AttemptBuffer
from netbilld.services.authenticate import Authenticate
from netbilld.services.entitle import Entitle
from netbilld.services.keep_vouchers import KeepVouchers
from netbilld.services.learned_locks import LearnedLocks
from netbilld.services.live_sessions import LiveSessions
from netbilld.services.make_vouchers import MakeVouchers, NewBatch
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.open_vouchers import OpenVoucher, opened
from netbilld.services.reply_messages import admission_message
from netbilld.services.sell_vouchers import SellVouchers
from netbilld.services.use_vouchers import UseVouchers
from netbilld.services.voucher_shelf import VoucherShelf
from tests.builders.services import GARDEN, ZONE
from tests.clock import SteppedClock
from tests.radius_requests import AUTHENTICATOR, SECRET, accepted, access_request, client

T0 = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Jakarta
ANI = Actor("ani", "cli")
A, B, C = "BC:24:11:00:00:0A", "BC:24:11:00:00:0B", "BC:24:11:00:00:0C"
POP1, POP2, POP3 = UUID(int=101), UUID(int=102), UUID(int=103)
VENDORS = {POP1: "mikrotik", POP2: "mikrotik", POP3: "coovachilli"}
HOTSPOT_DAY = """
code = "HARIAN"
name = "Hotspot 1 hari"
timing = "prepaid"
charging = "flat"
[recurring]
price = 5000
period = "1d"
[speed]
down = "5M"
up = "2M"
"""
HOTSPOT_QUOTA = (
    HOTSPOT_DAY.replace("HARIAN", "KUOTA1")
    + """
[allowance]
data = "1GB"
after = "block"
"""
)


class Kiosk:
    """Plans, and vouchers made, sold and kept."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self.database, self.box = database, box
        self.clock = SteppedClock(T0)
        self.make = MakeVouchers(database, box, timezone=ZONE, currency="IDR", entropy=os.urandom)
        self.keep = KeepVouchers(database, box)
        self.sell = SellVouchers(database, box, timezone=ZONE)

    async def open(self, *plans: str) -> None:
        for text in plans or (HOTSPOT_DAY,):
            await ManagePlans(self.database, "IDR").add(text, "plan.toml", actor=ANI, now=T0)

    async def batch(self, count: int = 3, plan: str = "HARIAN", **more: object) -> Batch:
        return await self.make.run(NewBatch(plan, count, **more), actor=ANI, now=self.clock.at)  # type: ignore[arg-type]

    async def codes(self, batch: Batch) -> list[OpenVoucher]:
        async with self.database.read() as work:
            return await opened(self.box, work, batch, await work.vouchers.lines(batch.id, limit=batch.count))

    async def sold(self, count: int = 1, **more: object) -> tuple[Batch, list[OpenVoucher]]:
        """Return a batch that is valid from its sale, with so many sold."""
        batch = await self.batch(count + 1, valid_from=ValidFrom.SALE, **more)  # type: ignore[arg-type]
        done = await self.sell.run(batch.number, count, actor=ANI, now=self.clock.at)
        return batch, list(done.vouchers)


class Node:
    """A daemon's log-ins: directory, shelf, admission, and the first use before it."""

    def __init__(self, kiosk: Kiosk) -> None:
        self.kiosk, self.clock = kiosk, kiosk.clock
        self.directory = AccessDirectory(GARDEN, 300, "id")
        self.entitle = Entitle(
            kiosk.database, self.directory, kiosk.box, StandingPolicy(0, time(0, 30), 1000, ZONE), GARDEN
        )
        silence = SilencePolicy(300, 900)
        self.live = LiveSessions(silence)
        admit = Admit(
            self.live,
            LearnedLocks(),
            silence,
            lambda: T0 - timedelta(days=1),
            bytes,
            str,
            lambda _service, reason: admission_message(reason, "id"),
        )
        self.shelf = VoucherShelf(kiosk.box)
        self.directory.unused = self.shelf
        self.use = UseVouchers(
            kiosk.database,
            self.shelf,
            self.directory,
            self._entitled,
            admit,
            kiosk.box,
            self.clock,
            bytes,
            lambda _service, reason: admission_message(reason, "id"),
        )
        self.authenticate = Authenticate(self.directory, AttemptBuffer(), bytes, lambda: 0.0, admission=self.use)

    async def _entitled(self, service_ids: object, now: datetime) -> None:
        await self.entitle.run(service_ids, "voucher.first_use", now)  # type: ignore[arg-type]

    async def load(self) -> None:
        """Read everything, as at a start."""
        await self.entitle.load(self.clock.at)
        await self.shelf.load(self.kiosk.database)

    async def look(self, *vouchers: OpenVoucher) -> None:
        """Decide anew on vouchers in use, as after a change or when their time has come."""
        await self.entitle.run([one.voucher.id for one in vouchers], "change", self.clock.at)

    def ask(
        self, code: str, password: str | None = None, *, nas: UUID = POP1, mac: str | None = A, chap: bool = False
    ) -> list[Decision]:
        """Send an Access-Request; the list fills with the answer, at once or once the voucher has begun."""
        secret = (password if password is not None else code).encode()
        pairs = [(USER_NAME, code.encode())]
        if chap:
            pairs += [(CHAP_PASSWORD, b"\7" + md5(b"\7" + secret + b"c" * 16).digest()), (CHAP_CHALLENGE, b"c" * 16)]
        else:
            pairs.append((USER_PASSWORD, hide_password(secret, SECRET, AUTHENTICATOR)))
        if mac is not None:
            pairs.append((CALLING_STATION_ID, mac.encode()))
        request = accepted(access_request(pairs), client(nas_id=nas, name=str(nas), vendor=VENDORS[nas]))
        answered: list[Decision] = []
        decided = self.authenticate.handle(request, self.clock.at, answered.append)
        if decided is not None:
            answered.append(decided)
        return answered

    async def log_in(self, code: str, password: str | None = None, **more: object) -> Decision:
        """Log in and wait for the answer."""
        answered = self.ask(code, password, **more)  # type: ignore[arg-type]
        while not answered:
            await self.use.step()
        return answered[0]

    async def comes_in(self, code: str, password: str | None = None, **more: object) -> bool:
        return (await self.log_in(code, password, **more)).code == int(Code.ACCESS_ACCEPT)
