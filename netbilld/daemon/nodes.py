"""This node among others on one PostgreSQL: what it leads, what it tells them, and what it does with what they tell."""

import asyncio
import binascii
import logging
import struct
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zlib import crc32

from netbilld import __version__
from netbilld.adapters.clock import NodeClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.node_connection import Presence
from netbilld.daemon.leadership import Leadership
from netbilld.daemon.metering import Metering
from netbilld.daemon.node_news import NodeNews, Topic
from netbilld.daemon.roles import Duty, Role
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.enforcement.actions import Order, SessionHandle
from netbilld.enforcement.policy import PeriodUsage
from netbilld.model.node import SILENT_SECONDS, NodeLine
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.entitle import Entitle
from netbilld.services.keep_admissions import KeepAdmissions
from netbilld.services.nas_control import NasControl, NasTarget, Outcome, OutcomeKind
from netbilld.services.reconcile import Reconcile

LOOK_SECONDS: Final = 3.0
_USAGE: Final = struct.Struct("!16siqq")  # service, first day of the period, upload, download
logger = logging.getLogger("netbilld.nodes")


def connection_name(name: str, data_dir: Path) -> str:
    """Return by what name PostgreSQL is to know a node's connections: told from those of others on the same machine."""
    return f"netbilld {name[:40]} {crc32(bytes(data_dir.absolute())):08x}"


class ControlWhileLeading:
    """Lets an order leave only while orders are ours to send, also one written down before this process hung."""

    def __init__(self, control: NasControl, leadership: Leadership) -> None:
        self._control = control
        self._leadership = leadership

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:
        """Return what came of the order; see `NasControl`."""
        if not self._leadership.leads(Duty.ENFORCEMENT):
            return Outcome(OutcomeKind.FAILED, detail="another node sends orders now")
        return await self._control.apply(nas, session, order, class_value)


class Orders:
    """What differs from what is due is told to who sends orders: ourselves, or the node whose duty it is."""

    def __init__(self, reconcile: Reconcile, leadership: Leadership) -> None:
        self._reconcile = reconcile
        self._leadership = leadership
        self.topic: Topic | None = None
        self.on_nudged: Callable[[Iterable[UUID]], None] = lambda _service_ids: None  # told where orders are sent
        self.on_heard: Callable[[UUID], None] = lambda _nas_id: None  # likewise, of a NAS

    def nudge(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None:
        """Have these looked at right away, wherever that is."""
        if self.topic is None or self._leadership.leads(Duty.ENFORCEMENT):
            self._look_at(service_ids, session_ids)
        else:
            self.topic.tell([*(one.hex for one in service_ids), *session_ids])

    def follow(self, service_ids: Iterable[UUID] = (), session_ids: Iterable[int] = ()) -> None:
        """Have these looked at if orders are ours to send; where every node hears of the same change, ours is one."""
        if self._leadership.leads(Duty.ENFORCEMENT):
            self._look_at(service_ids, session_ids)

    def _look_at(self, service_ids: Iterable[UUID], session_ids: Iterable[int]) -> None:
        concerned = list(service_ids)
        self._reconcile.nudge(concerned, session_ids)
        self.on_nudged(concerned)

    async def observe_traffic(self, session_ids: Iterable[int]) -> int:
        """Look whether traffic proves what was ordered; whoever has metered it does."""
        return await self._reconcile.observe_traffic(session_ids)

    async def nas_heard(self, nas_id: UUID) -> None:
        """Try a NAS's waiting orders at once, where orders are sent."""
        if self._leadership.leads(Duty.ENFORCEMENT):
            await self._reconcile.nas_heard(nas_id)
            self.on_heard(nas_id)

    async def take(self, words: list[str]) -> None:
        """Take up what another node has found."""
        if self._leadership.leads(Duty.ENFORCEMENT):
            numbers = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19]
            self._look_at(_ids(words), numbers)


class Nodes:
    """This node and its news of others.

    Attributes:
        others: every other node, as it was at the last look.
        told_used: called with usage that another node has metered and a log-in is told of.
        told_due: called with services whose due state another node has found changed.
    """

    def __init__(self, settings: Settings, database: Database, clock: NodeClock, node_id: UUID) -> None:
        self._database = database
        self._clock = clock
        self.leadership: Final = Leadership(
            database,
            clock,
            Presence(node_id, settings.node.name, connection_name(settings.node.name, settings.data_dir), __version__),
            settings.node.roles,
        )
        self.news: Final = None if database.is_sqlite else NodeNews(database)
        self.others: Sequence[NodeLine] = ()
        self._there: dict[UUID, datetime] = {}  # nodes that were there at the last look, and since when
        self._doubt = asyncio.Event()
        self.sessions: Topic | None = None
        self._due: Topic | None = None
        self._used: Topic | None = None
        self._directory: AccessDirectory | None = None
        self._entitle: Entitle | None = None
        self._orders: Orders | None = None
        self.told_used: Callable[[Sequence[tuple[UUID, PeriodUsage]]], None] = lambda _kept: None
        self.told_due: Callable[[Sequence[UUID]], None] = lambda _service_ids: None

    def connect(self, directory: AccessDirectory, entitle: Entitle, orders: Orders) -> None:
        """Say where what others tell is to go."""
        self._directory, self._entitle, self._orders = directory, entitle, orders
        if self.news is None:
            return
        orders.topic = self.news.topic("orders", orders.take)
        self._due = self.news.topic("due", self._take_due)
        self._used = self.news.topic("used", self._take_used)
        self._due.on_loss = self._used.on_loss = self.news.on_gap = self._doubt.set

    def tell_of(self, metering: Metering, keep_admissions: KeepAdmissions) -> None:
        """Say what others are told of, and what becomes of the same from them."""
        metering.is_ours = lambda: self.leadership.may_meter
        self.leadership.told = lambda: (metering.hearing_since(), metering.behind_octets)
        if self.news is not None:
            self.sessions = self.news.session_topic(keep_admissions.heard)
            keep_admissions.tell = self.sessions.tell

    # -- telling -------------------------------------------------------------------------------------------------------

    def due_changed(self, service_ids: Sequence[UUID]) -> None:
        """Tell others that these services are due something else, and this process's own helpers."""
        self.told_due(service_ids)
        if self._due is not None:  # also before the next look: who has just come listens already
            self._due.tell([one.hex for one in service_ids])

    def used(self, kept: Sequence[tuple[UUID, PeriodUsage]]) -> None:
        """Tell others what was used of allowances, and this process's own helpers."""
        self.told_used(kept)
        if self._used is not None and self._there:
            self._used.tell([_written(service_id, usage) for service_id, usage in kept])

    # -- hearing -------------------------------------------------------------------------------------------------------

    async def _take_due(self, words: list[str]) -> None:
        service_ids = _ids(words)
        assert self._entitle is not None  # noqa: S101 - connected
        assert self._orders is not None  # noqa: S101 - connected
        self.told_due(service_ids)
        await self._entitle.run(service_ids, "usage", self._clock.now())
        if self.leadership.leads(Duty.ENFORCEMENT):
            self._orders.nudge(service_ids)

    async def _take_used(self, words: list[str]) -> None:
        assert self._directory is not None  # noqa: S101 - connected
        now = self._clock.now()
        news: list[tuple[UUID, PeriodUsage]] = []
        for word in words:
            if (found := _read(word)) is None:
                continue
            service_id, usage = found
            facts = self._directory.facts(service_id)
            if facts is not None and (facts.usage is None or _progress(facts.usage) < _progress(usage)):
                self._directory.put(replace(facts, usage=usage), now)
                news.append((service_id, usage))
        if news:
            self.told_used(news)

    # -- looking -------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """See who else is there. What one that has gone had metered last, it may have told nobody.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            lines = await work.nodes.all()
        self.others = [line for line in lines if line.id != self.leadership.node.id]
        there = {line.id: line.started_at for line in self.others if line.is_there}
        names = {line.id: line.name for line in self.others}
        for node_id, started_at in self._there.items():
            if there.get(node_id) != started_at:
                logger.warning("node %s has gone", names.get(node_id, node_id), extra={"event": "node_gone"})
                self._doubt.set()
        for node_id in there.keys() - self._there.keys():
            logger.info("node %s is there", names[node_id], extra={"event": "node_there"})
        self._there = there

    async def _settle_doubts(self) -> None:
        """Decide on everybody anew when something may have been missed; where nobody else ever was, nothing can be."""
        assert self._entitle is not None  # noqa: S101 - connected
        assert self._orders is not None  # noqa: S101 - connected
        while True:
            await self._doubt.wait()
            await self.look()
            self._doubt.clear()
            if not self.others:
                continue
            try:
                self._orders.nudge(await self._entitle.run(None, "start", self._clock.now()))
            except BaseException:
                self._doubt.set()
                raise

    def hearing_since(self, own: datetime) -> datetime:
        """Return since when accounting has been heard without a gap on all nodes, as far as is known here.

        What a node heard last before it went, its journal keeps; its NAS turn to others meanwhile.

        Args:
            own: since when it was on this one.
        """
        now = self._clock.now()
        latest = own
        for line in self.others:
            if Role.RADIUS not in line.roles:
                continue
            if not line.is_there:
                gone_for = line.silent_seconds - (0.0 if line.ended else SILENT_SECONDS)
                latest = max(latest, now - timedelta(seconds=gone_for))
            elif line.hearing_since is not None:
                latest = max(latest, line.hearing_since)
        return min(latest, max(now, own))

    # -- being seen ----------------------------------------------------------------------------------------------------

    def status(self) -> Mapping[str, Any]:
        """Return what /readyz says of this node."""
        leadership = self.leadership
        return {
            "node": leadership.node.name,
            "roles": [role for role in Role if role in leadership.roles],
            "leads": list(leadership.duties),
        }

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""
        if self.news is None:
            return {}
        return {
            "leadership": self.leadership.run,
            "other nodes": partial(every, LOOK_SECONDS, self.look),
            "news of other nodes": self.news.run,
            "doubts": self._settle_doubts,
        }


def _ids(words: Iterable[str]) -> list[UUID]:
    found = []
    for word in words:
        if len(word) == 32:
            try:
                found.append(UUID(hex=word))
            except ValueError:
                continue
    return found


def _written(service_id: UUID, usage: PeriodUsage) -> str:
    packed = _USAGE.pack(service_id.bytes, usage.start_on.toordinal(), usage.upload_octets, usage.download_octets)
    return b64encode(packed).decode()


def _read(word: str) -> tuple[UUID, PeriodUsage] | None:
    try:
        service_id, day, upload_octets, download_octets = _USAGE.unpack(b64decode(word, validate=True))
        return UUID(bytes=service_id), PeriodUsage(date.fromordinal(day), upload_octets, download_octets)
    except (binascii.Error, struct.error, ValueError, OverflowError):
        return None


def _progress(usage: PeriodUsage) -> tuple[date, int]:
    return usage.start_on, usage.upload_octets + usage.download_octets
