"""The running daemon: what starts when, what follows a change, and how it ends."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from netbilld import __version__
from netbilld.adapters.database.changes import Change
from netbilld.daemon.authentication import SILENCE_SECONDS, decide_ahead, load_access, remember_devices
from netbilld.daemon.beginning import meet, restore_access
from netbilld.daemon.braking import AHEAD_SECONDS
from netbilld.daemon.certificate_care import LOOK_SECONDS
from netbilld.daemon.clients import ClientKeeper
from netbilld.daemon.compose import Parts, compose
from netbilld.daemon.control import ControlServer, socket_path
from netbilld.daemon.feed import ChangeFeed
from netbilld.daemon.http_port import raise_descriptor_limit
from netbilld.daemon.journal_watch import LOOK_SECONDS as JOURNAL_SECONDS
from netbilld.daemon.knowledge import LOOK_SECONDS as FRESHNESS_SECONDS
from netbilld.daemon.patience import ABANDON_SECONDS, LAST_WRITE_SECONDS
from netbilld.daemon.roles import ROLE_OF, Duty, Role
from netbilld.daemon.schedule import DailyAt, daily
from netbilld.daemon.settings import Settings
from netbilld.daemon.systemd import notify, watchdog_seconds
from netbilld.daemon.tasks import every, supervise
from netbilld.daemon.workers.trace import TraceOfAll
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import NetbilldError, RefusedError
from netbilld.services.keep_admissions import OTHERS_SECONDS

logger = logging.getLogger("netbilld.daemon")


class Daemon:
    """A composed daemon and its life."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.feed = ChangeFeed(parts.database, parts.clock, self._follow_changes)
        self.feed.on_step = self._followed
        self._control = ControlServer(socket_path(parts.settings.data_dir), self._on_control)
        self._traced = TraceOfAll(parts.trace, parts.workers)
        self._clients = ClientKeeper(
            parts.edge, parts.database, parts.box, parts.clock, parts.settings.radius.require_message_authenticator
        )
        self._answering = asyncio.Event()
        self._joined = asyncio.Event()
        self._on_record_in: int | None = None  # the term in which everything due was put on record
        self._on_record = asyncio.Event()  # it was, in one term or another
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End it; what was received is answered first."""
        self._stop.set()

    async def run(self, on_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Serve until `stop` is called.

        Raises:
            NetbilldError: a port of the panel or portal is in use.
        """
        parts = self.parts
        try:
            if not parts.knowledge.is_from_snapshot:
                await self.feed.start_after_newest()
            async with asyncio.TaskGroup() as tasks:
                running = []
                try:
                    if parts.workers is not None:  # they read what they need while we do
                        running.append(tasks.create_task(parts.workers.run(), name="workers"))
                    if parts.pages.process is not None:
                        running.append(tasks.create_task(parts.pages.process.run(), name="pages"))
                    await self._load()
                    parts.journal.start(asyncio.get_running_loop())
                    running += [tasks.create_task(work, name=name) for name, work in self._work()]
                    parts.health.http = await parts.pages.open()
                    parts.edge.start()
                    if Role.RADIUS in parts.settings.node.roles and not parts.knowledge.is_from_snapshot:
                        await remember_devices(parts.database, parts.auth)
                    await parts.care.look()
                    if parts.radsec is not None:
                        await parts.radsec.keep_open()
                    if parts.workers is not None:
                        await parts.workers.ready()
                    parts.health.answering = True
                    self._answering.set()
                    await self._control.start()
                    notify("READY=1")
                    logger.info("netbilld %s serves", __version__, extra={"event": "ready"})
                    if on_ready is not None:
                        await on_ready()
                    await self._stop.wait()
                    asyncio.get_running_loop().call_later(ABANDON_SECONDS, parts.database.abandon)
                    await self._wind_down()
                finally:
                    for task in running:
                        task.cancel()
        finally:
            await self._close()

    async def _load(self) -> None:
        """Read what log-ins are decided by."""
        parts = self.parts
        started = parts.clock.monotonic()
        if (snapshot := parts.knowledge.snapshot) is not None:
            parts.knowledge.snapshot = None
            parts.admissions.live.restore(snapshot.sessions)
            await restore_access(parts.auth.directory, snapshot, parts.box)
            await parts.addressing.restore(snapshot.pools, snapshot.leases)
            logger.info("every service taken from the snapshot in %.1f s", parts.clock.monotonic() - started)
            return
        await self._clients.load()  # once more: changes are followed from here on, and one may have come before
        if Role.RADIUS not in parts.settings.node.roles:
            return
        await parts.addressing.load()
        await parts.keep_admissions.sync()
        await load_access(parts.entitle, parts.clock)
        await parts.vouchers.load()
        logger.info("every service read in %.1f s", parts.clock.monotonic() - started)

    async def _join(self) -> None:
        """Take up the database again that was away at the start, and read everything from it."""
        parts = self.parts
        if parts.knowledge.is_from_snapshot:
            await self._answering.wait()
            await meet(parts.settings, parts.database, parts.box, self.feed, parts.journal, parts.clock)
            await self._clients.load()
            await parts.addressing.load()
            await parts.keep_admissions.sync()
            await parts.vouchers.load()
            changed = await parts.entitle.run(None, "the database is back", parts.clock.now())
            await remember_devices(parts.database, parts.auth)
            parts.knowledge.joined()
            parts.orders.follow(changed)
            logger.warning("the database is joined again; every service is read", extra={"event": "database_joined"})
        self._joined.set()
        await self._stop.wait()

    async def _wind_down(self) -> None:
        """Take nothing new, make durable and answer what was taken, and apply it."""
        notify("STOPPING=1")
        self.parts.health.answering = False
        self.parts.edge.stop()
        beside = (self.parts.workers, self.parts.pages.process)
        await asyncio.gather(*(each.stop() for each in beside if each is not None))
        await self.parts.journal.drain()

    async def _close(self) -> None:
        self.parts.health.answering = False
        await self._control.close()
        await self.parts.pages.close()
        with suppress(NetbilldError, TimeoutError):
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.parts.keep_admissions.run()
                await self.parts.log_attempts.run()
        await self.parts.close()

    # -- work that goes on beside ------------------------------------------------------------------------------------

    def _work(self) -> Iterable[tuple[str, Any]]:
        parts, settings, failures = self.parts, self.parts.settings, self.parts.failures
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "database": self._join,
            "journal": partial(every, JOURNAL_SECONDS, parts.watch.look),
            "what is known": partial(every, FRESHNESS_SECONDS, parts.knowledge.look),
            "metering": parts.metering.run,  # on every node: what its journal holds, it applies
            "change feed": self.feed.follow,
            "certificates": partial(every, LOOK_SECONDS, parts.care.look),
            "house-keeping": partial(every, 3600.0, self._keep_house),
        }
        loops |= parts.braking.loops()
        if not parts.database.is_sqlite:
            loops["notifications"] = self.feed.listen
        loops |= parts.nodes.loops() | parts.pages.loops()
        if parts.mqtt is not None:
            loops |= parts.mqtt.loops()
        if Role.RADIUS in settings.node.roles:
            loops |= self._radius_work()
        for name, (duty, loop) in self._led_work().items():
            if ROLE_OF[duty] in settings.node.roles:
                loops[name] = parts.nodes.leadership.while_leading(duty, loop)
        for name, loop in loops.items():
            yield name, supervise(name, loop, failures)
        if (seconds := watchdog_seconds()) is not None:
            yield "watchdog", every(seconds, self._feed_watchdog)

    def _radius_work(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what a node does that answers RADIUS, by name."""
        parts = self.parts
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "log of attempts": partial(every, 0.5, parts.log_attempts.run),
            "silent EAP": partial(every, SILENCE_SECONDS, parts.auth.forget_silent),
            "learned facts": partial(every, 2.0, self._clients.keep_learned),
            "admissions": partial(every, 0.2, parts.keep_admissions.run),
            "open sessions": partial(every, OTHERS_SECONDS, parts.keep_admissions.sync),
            "what everybody is due": partial(decide_ahead, parts.auth.directory, parts.clock, parts.somebody_waits),
        }
        if parts.radsec is not None:
            loops["RadSec"] = partial(every, 5.0, parts.radsec.keep_open)
        if parts.snapshots is not None:
            loops["snapshot"] = parts.snapshots.run
        return loops | parts.addressing.loops() | parts.watching.loops() | parts.vouchers.loops()

    def _led_work(self) -> dict[str, tuple[Duty, Callable[[], Awaitable[None]]]]:
        """Return what is done on one node at a time, by name."""
        parts, billing = self.parts, self.parts.settings.billing
        return {
            "reconciler": (Duty.ENFORCEMENT, self._reconcile),
            "time edges": (Duty.ENFORCEMENT, partial(every, 1.0, self._follow_time)),
            "brake ahead": (Duty.ENFORCEMENT, partial(every, AHEAD_SECONDS, parts.braking.weigh_ahead)),
            "stale sessions": (Duty.SESSIONS, partial(every, 10.0, self._reap)),
            "throughput": (Duty.SESSIONS, partial(every, 10.0, lambda: parts.sample.handle(parts.clock.now()))),
            "renewals": (Duty.BILLING, partial(every, 30.0, self._renew)),
            "invoices": (
                Duty.BILLING,
                partial(daily, DailyAt(billing.run_at, parts.settings.timezone), parts.clock, self._bill),
            ),
            **{name: (Duty.BILLING, loop) for name, loop in parts.bookkeeping.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.messaging.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.staff_alerts.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.complaints.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.webhooks.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.gateways.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.catalogue.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.rating.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.dunning.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.working.loops().items()},
            **{name: (Duty.BILLING, loop) for name, loop in parts.vouchers.ending().items()},
            **{name: (Duty.ENFORCEMENT, loop) for name, loop in parts.effects.loops().items()},
            **{name: (Duty.SESSIONS, loop) for name, loop in parts.storage.loops().items()},
            **{name: (Duty.POLLING, loop) for name, loop in parts.devices.loops().items()},
            **{name: (Duty.ENFORCEMENT, loop) for name, loop in parts.comparing.loops().items()},
            "static lines": (Duty.ENFORCEMENT, self._keep_lines),
        }

    async def _feed_watchdog(self) -> None:
        notify("WATCHDOG=1")

    async def _follow_time(self) -> None:
        await self.parts.entitle.run_due(self.parts.clock.now(), self.parts.orders.nudge)

    async def _reconcile(self) -> None:
        """Put on record what is due, which may have changed while nobody looked; then order what differs.

        Also when this is taken over from another node: what that had metered last, it may not have followed up.
        """
        await self._answering.wait()  # that comes first
        await self._joined.wait()
        term = self.parts.nodes.leadership.term_number(Duty.ENFORCEMENT)
        if self._on_record_in != term:
            changed = await self.parts.entitle.run(None, "start", self.parts.clock.now())
            logger.info("everything due is on record; %d services had changed", len(changed))
            self._on_record_in = term
            self.parts.static_lines.keep.nudge(changed)
            self._on_record.set()
        await self.parts.reconcile.run()

    async def _keep_lines(self) -> None:
        """Keep lines of static subscribers as they are due now, not as they were when somebody last looked."""
        await self._on_record.wait()
        await self.parts.static_lines.run()

    async def _reap(self) -> None:
        now = self.parts.clock.now()
        reaped = await self.parts.reap.run(now, self._hearing_since())
        self.parts.keep_admissions.over(reaped.closed_session_ids)
        if self.parts.mqtt is not None:
            self.parts.mqtt.changed(reaped.service_ids)
        if reaped.service_ids or reaped.closed_session_ids:
            self.parts.orders.nudge(reaped.service_ids, reaped.closed_session_ids)

    async def _renew(self) -> None:
        await self.parts.renew.run(now=self.parts.clock.now(), actor=SCHEDULE)

    async def _bill(self, day: date) -> None:
        now = self.parts.clock.now()
        try:
            report = await self.parts.billing.run(as_of=day, now=now, actor=SCHEDULE, by_clock=True)
        except RefusedError as error:  # a clock that is far off
            logger.error("nobody is billed: %s; %s", error, error.hint, extra={"event": "billing_refused"})  # noqa: TRY400
            return
        logger.info("%d invoices made for %s", len(report.invoices), day, extra={"event": "billing_run"})
        for parked in report.parked:
            logger.error("not billed: %s", parked, extra={"event": "billing_parked"})

    async def _keep_house(self) -> None:
        self.parts.metering.prune(timedelta(days=self.parts.settings.metering.keep_days))

    # -- changes made by others ----------------------------------------------------------------------------------------

    async def _follow_changes(self, changes: list[Change]) -> None:
        """Take over what the command line, the panel or another node has changed."""
        service_ids: dict[UUID, str] = {}
        caused_at: dict[UUID, datetime] = {}
        session_ids: list[int] = []
        nas_changed: list[UUID] = []
        for change in changes:
            if change.entity == "nas":
                nas_changed.append(UUID(change.entity_id))
            if change.entity == "session":
                session_ids.append(int(change.entity_id))
            for service_id in change.details.get("service_ids", ()):
                service_ids[UUID(service_id)] = change.action
                caused_at[UUID(service_id)] = change.at
            self.parts.keep_admissions.over(change.details.get("ended_session_ids", ()))
        self.parts.metering.services.forget(service_ids)
        await self.parts.vouchers.follow(changes)
        if any(change.entity == "pool" for change in changes):
            await self.parts.addressing.load()
        if any(change.entity == "static_line" for change in changes):
            self.parts.static_lines.keep.look_again()
        if any(change.entity == "brake" for change in changes):
            await self.parts.braking.look()
        if nas_changed:
            await self._clients.load()
            self.parts.devices.poll.look_again()
            await self.parts.watching.load()
        for nas_id in nas_changed:  # a mended port or secret: what waits for this NAS is tried at once
            await self.parts.orders.nas_heard(nas_id)
        now = self.parts.clock.now()
        if service_ids:
            by_cause: dict[str, list[UUID]] = {}
            for service_id, cause in service_ids.items():
                by_cause.setdefault(cause, []).append(service_id)
            for cause, concerned in by_cause.items():
                self.parts.orders.follow(await self.parts.entitle.run(concerned, cause, now, caused_at))
            self.parts.keep_admissions.refreshed(service_ids)
            if self.parts.mqtt is not None:
                self.parts.mqtt.changed(service_ids)
        if session_ids:
            self.parts.orders.follow(session_ids=session_ids)

    def _followed(self, is_news: bool) -> None:
        self.parts.knowledge.confirm()
        if self.parts.snapshots is not None:
            self.parts.snapshots.changed(is_news)

    async def _on_control(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("verb"):
            case "nudge":
                self.feed.wake.set()
                return {"ok": True}
            case "status":
                return {"ok": True, "version": __version__, "pid": os.getpid(), **self.parts.health.status()}
            case "drops":
                return await self._dropped(request)
            case "trace":
                return await self._traced.handle(request)
            case _:
                return {"ok": False, "error": "unknown verb"}

    async def _dropped(self, request: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in request.get("names", ()) if isinstance(name, str)]
        nas = request.get("nas")
        told = await self.parts.drops.read(names, nas if isinstance(nas, str) else None)
        return {"ok": True, "hearing_since": self._hearing_since().isoformat(), **told}

    def _hearing_since(self) -> datetime:
        """Return from when on what NAS said has been heard, here or on another node."""
        return self.parts.nodes.hearing_since(self.parts.metering.hearing_since())


async def serve(settings: Settings, config: Path | None = None) -> None:
    """Run the daemon of these settings, read from that file, until SIGTERM or SIGINT."""
    daemon: Daemon | None = None

    def nudge() -> None:
        if daemon is not None:
            daemon.feed.wake.set()

    raise_descriptor_limit()
    daemon = Daemon(await compose(settings, nudge, config))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    try:
        await daemon.run()
    except* NetbilldError as errors:
        raise errors.exceptions[0] from None
