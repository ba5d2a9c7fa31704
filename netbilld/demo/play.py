"""The three moments of the demo: what they do, and what the store says came of them."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import func, select

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.demo.nas.control_client import ControlClient
from netbilld.demo.scenario import OVERDUE_STAR, STARS
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services.readmodels import ServiceFile, SubscriberFile, SubscriberMoney
from netbilld.services.receive_payment import ReceivePayment

OUTAGE_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Star:
    """One of the subscribers whose story is told, as the store knows them now."""

    file: SubscriberFile
    money: SubscriberMoney

    @property
    def service(self) -> ServiceFile:
        """Return the one service they have."""
        return self.file.services[0]

    @property
    def observed(self) -> str | None:
        """Return what their session was last seen with; None while offline."""
        return self.service.sessions[0].seen_access if self.service.sessions else None


@dataclass(frozen=True, slots=True)
class PowerCut:
    """How the last power cut went; octets are of the sessions it cut, from their first to their last."""

    phase: Literal["dark", "returning", "back", "failed"]
    pressed_at: datetime
    online_before: int
    router_octets: int | None = None
    metered_octets: int | None = None
    back_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Restoration:
    """From the recorded payment to full access, by the stopwatch."""

    amount_minor: int
    paid_at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the stage shows."""

    now: datetime
    online: int
    stars: dict[str, Star]
    power_cut: PowerCut | None
    restoration: Restoration | None


class Play:
    """Looks at the store for what is shown, and presses the buttons of the simulated NAS."""

    def __init__(self, database: Database, clock: SystemClock, receive: ReceivePayment, timezone: str) -> None:
        self._database = database
        self._clock = clock
        self._receive = receive
        self._timezone = timezone
        self._numbers: dict[str, str] = {}
        self._cutting = asyncio.Lock()
        self.routers: list[ControlClient] = []
        self.power_cut: PowerCut | None = None
        self.restoration: Restoration | None = None

    async def scene(self) -> Scene:
        """Return what is to be seen now; every figure is the store's."""
        now = self._clock.now()
        stars = {}
        async with self._database.read() as work:
            for username in STARS:
                if username not in self._numbers:
                    found = await work.subscribers.by_credential_name(username)
                    assert found is not None, "the town was built with them"  # noqa: S101
                    self._numbers[username] = found.subscriber.number
                file = await work.readmodels.subscriber_file(self._numbers[username], now, self._timezone)
                assert file is not None, "nobody is ever deleted"  # noqa: S101
                money = await work.readmodels.subscriber_money(file.id, local_date(now, self._timezone))
                stars[username] = Star(file, money)
            online = (await work.readmodels.traffic()).online
        restoration = self.restoration
        if restoration and restoration.seconds is None and stars[OVERDUE_STAR].observed == "active":
            seconds = (now - restoration.paid_at).total_seconds()
            self.restoration = restoration = replace(restoration, seconds=seconds)
        return Scene(now, online, stars, self.power_cut, restoration)

    async def pay(self, actor: Actor) -> Restoration:
        """Record the payment of all that the walled-off star owes, and start the stopwatch.

        Raises:
            RefusedError: nothing is owed.
        """
        star = (await self.scene()).stars[OVERDUE_STAR]
        amount_minor = star.money.outstanding_minor
        if amount_minor <= 0:
            raise RefusedError(f"{star.file.name} owes nothing", code="nothing_owed")
        now = self._clock.now()
        await self._receive.run(
            OVERDUE_STAR, amount_minor, method="cash", reference=None, received_on=None, actor=actor, now=now
        )
        self.restoration = Restoration(amount_minor, now, None)
        return self.restoration

    async def cut_power(self) -> None:
        """Mati lampu: every home loses its power and comes back; then compare router and meter.

        Raises:
            RefusedError: it is dark already, or the router is not there.
        """
        if self._cutting.locked() or not self.routers:
            raise RefusedError("the power is out already", code="dark")
        async with self._cutting:
            pressed_at = self._clock.now()
            before = await self._online()
            self.power_cut = PowerCut("dark", pressed_at, before)
            for router in self.routers:
                await router.ask("power_cut", outage_seconds=OUTAGE_SECONDS, mode="customers")
            settled = await self._until_cut_is_settled()
            if settled is None:
                self.power_cut = replace(self.power_cut, phase="failed")
                return
            router_octets, metered_octets = settled
            self.power_cut = replace(
                self.power_cut, phase="returning", router_octets=router_octets, metered_octets=metered_octets
            )
            back = await self._until_online(before)
            seconds = (self._clock.now() - pressed_at).total_seconds()
            self.power_cut = replace(self.power_cut, phase="back" if back else "failed", back_seconds=seconds)

    async def _until_cut_is_settled(self) -> tuple[int, int] | None:
        """Return what the cut sessions carried by the router and by the meter, once both call every one of them over.

        Counters of ended sessions never move again, so it doesn't matter who has dialled in since.
        """
        deadline = self._clock.monotonic() + _PATIENCE_SECONDS
        while self._clock.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
            truth = {name: told for router in self.routers for name, told in (await router.ask("cut_truth")).items()}
            if truth and all(session["ended"] for session in truth.values()):
                closed, metered_octets = await self._closed(list(truth))
                if closed == len(truth):
                    router_octets = sum(each["upload_octets"] + each["download_octets"] for each in truth.values())
                    return router_octets, metered_octets
        return None

    async def _until_online(self, wanted: int) -> bool:
        deadline = self._clock.monotonic() + _PATIENCE_SECONDS
        while await self._online() < wanted:
            if self._clock.monotonic() > deadline:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _online(self) -> int:
        async with self._database.read() as work:
            return (await work.readmodels.traffic()).online

    async def _closed(self, session_ids: list[str]) -> tuple[int, int]:
        """Return how many of these sessions the store has closed, and their octets of both directions."""
        octets = func.coalesce(func.sum(sessions.c.upload_octets + sessions.c.download_octets), 0)
        closed = select(func.count(), octets).where(
            sessions.c.acct_session_id.in_(session_ids), sessions.c.stopped_at.is_not(None)
        )
        async with self._database.read() as work:
            count, total = (await work.connection.execute(closed)).one()
        return int(count), int(total)
