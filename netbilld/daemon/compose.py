"""The composition root: the one place that knows every class."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.certificates import CertificateFiles
from netbilld.adapters.clock import NodeClock, SystemClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.coa import CoaClient
from netbilld.adapters.nas.radsec_orders import OrdersByRadsec
from netbilld.adapters.nas.routeros_signal import RouterosSignal
from netbilld.adapters.radsec import RadsecLimits
from netbilld.adapters.radsec_tls import TlsContexts
from netbilld.adapters.secretbox import SecretBox, read_key_file
from netbilld.daemon.addressing import Addressing
from netbilld.daemon.admissions import Admissions
from netbilld.daemon.authentication import Authentication, trace_of
from netbilld.daemon.beginning import look_for_database
from netbilld.daemon.billing import billing_run
from netbilld.daemon.bookkeeping import Bookkeeping
from netbilld.daemon.braking import Braking
from netbilld.daemon.catalogue import Catalogue
from netbilld.daemon.certificate_care import CertificateCare
from netbilld.daemon.clients import put_clients, take_clients
from netbilld.daemon.comparing import Comparing
from netbilld.daemon.complaints import Complaints
from netbilld.daemon.devices import Devices
from netbilld.daemon.dunning import Dunning
from netbilld.daemon.effects import Effects
from netbilld.daemon.gateways import Gateways
from netbilld.daemon.health import Health
from netbilld.daemon.journal_watch import JournalWatch
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.lock import DirectoryLock
from netbilld.daemon.messaging import Messaging
from netbilld.daemon.metering import Metering, join
from netbilld.daemon.mqtt import Mqtt, mqtt_of
from netbilld.daemon.nodes import ControlWhileLeading, Nodes, Orders, connection_name
from netbilld.daemon.packet_trace import PacketTrace
from netbilld.daemon.pages.inside import InThisProcess
from netbilld.daemon.pages.placing import Pages, place_pages
from netbilld.daemon.patience import STATEMENT_SECONDS
from netbilld.daemon.people import Working
from netbilld.daemon.policies import order_policy, standing_policy, walled_garden, wallet_rules
from netbilld.daemon.radius_edge import BOTH_PORTS, RadiusEdge
from netbilld.daemon.radsec_edge import RadsecEdge
from netbilld.daemon.rating import Rating
from netbilld.daemon.roles import Duty, Role
from netbilld.daemon.settings import Settings
from netbilld.daemon.snapshots import Snapshots
from netbilld.daemon.staff_alerts import StaffAlerts
from netbilld.daemon.static_lines import StaticLines
from netbilld.daemon.storage import Storage
from netbilld.daemon.tasks import Failures
from netbilld.daemon.taxes import tax_policy
from netbilld.daemon.vouchers import Vouchers
from netbilld.daemon.watching import Watching, routers_of
from netbilld.daemon.webhooks import Webhooks
from netbilld.daemon.workers.drops import DropsOfAll
from netbilld.daemon.workers.pool import WorkerPool
from netbilld.radius.clients import ClientTable
from netbilld.radius.dictionary import use_files
from netbilld.radius.realms import Realms
from netbilld.services.book_usage import BookUsage, RememberedServices
from netbilld.services.confirm_sessions import ConfirmSessions
from netbilld.services.entitle import Entitle
from netbilld.services.follow_usage import FollowUsage
from netbilld.services.keep_admissions import KeepAdmissions
from netbilld.services.log_attempts import LogAttempts
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.meter_usage import MeterUsage
from netbilld.services.new_service import Defaults
from netbilld.services.reap_sessions import ReapSessions
from netbilld.services.reconcile import Reconcile
from netbilld.services.record_accounting import RecordAccounting
from netbilld.services.record_reading import RecordReading
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.run_billing import RunBilling
from netbilld.services.sample_throughput import SampleThroughput


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a running daemon consists of."""

    settings: Settings
    clock: SystemClock
    lock: DirectoryLock
    database: Database
    auth: Authentication
    box: SecretBox
    journal: Journal
    edge: RadiusEdge
    workers: WorkerPool | None
    drops: DropsOfAll
    trace: PacketTrace
    radsec: RadsecEdge | None
    care: CertificateCare
    metering: Metering
    addressing: Addressing
    devices: Devices
    effects: Effects
    watching: Watching
    static_lines: StaticLines
    comparing: Comparing
    admissions: Admissions
    keep_admissions: KeepAdmissions
    vouchers: Vouchers
    mqtt: Mqtt | None
    knowledge: Knowledge
    snapshots: Snapshots | None
    nodes: Nodes
    orders: Orders
    watch: JournalWatch
    braking: Braking
    bookkeeping: Bookkeeping
    messaging: Messaging
    staff_alerts: StaffAlerts
    complaints: Complaints
    webhooks: Webhooks
    gateways: Gateways
    dunning: Dunning
    working: Working
    entitle: Entitle
    reconcile: Reconcile
    coa: CoaClient
    log_attempts: LogAttempts
    reap: ReapSessions
    confirm: ConfirmSessions
    billing: RunBilling
    renew: RenewPrepaid
    catalogue: Catalogue
    rating: Rating
    sample: SampleThroughput
    storage: Storage
    failures: Failures
    health: Health
    pages: Pages

    def somebody_waits(self) -> bool:
        """Tell whether log-ins or the accounting that follows them wait to be answered."""
        return _somebody_waits(self.edge, self.workers)

    async def close(self) -> None:
        """Let go of everything, in the order that loses nothing."""
        self.edge.stop()
        await self.journal.close()  # what was received is made durable and answered first
        self.edge.close()
        if self.workers is not None:
            self.workers.close()
        self.coa.close()
        self.devices.close()
        self.watching.close()
        self.messaging.close()
        await self.gateways.close()
        await self.storage.close()
        await self.database.close()
        self.lock.release()


def clients_of(edge: RadiusEdge) -> Callable[[], ClientTable]:
    """Return what gives the NAS table in force."""
    return lambda: edge.clients


async def compose(settings: Settings, nudge: Callable[[], None], config: Path | None = None) -> Parts:
    """Open and connect every part; nothing is answered yet.

    Args:
        settings: those in force.
        nudge: called when the panel has changed something.
        config: the file the settings were read from, for further processes to read.

    Raises:
        NetbilldError: the data directory, key, schema, journal or a port can't be used; it says what to do.
    """
    use_files(settings.radius.dictionary)
    clock = NodeClock()
    lock = DirectoryLock(settings.data_dir)
    lock.acquire()
    database: Database | None = None
    journal: Journal | None = None
    edge: RadiusEdge | None = None
    pool: WorkerPool | None = None
    pages: Pages | None = None
    try:
        box = read_key_file(settings.resolved_key_file)
        roles = settings.node.roles
        database = Database(
            settings.resolved_database_url,
            statement_seconds=STATEMENT_SECONDS,
            name=connection_name(settings.node.name, settings.data_dir),
        )
        snapshot = await look_for_database(settings, database, box, clock)
        journal = Journal(
            settings.data_dir.absolute() / "journal",
            commit_seconds=settings.metering.commit_milliseconds / 1000,
            commit_records=settings.metering.commit_records,
            segment_octets=settings.metering.segment_megabytes * 1024 * 1024,
            most_octets=settings.metering.journal_megabytes * 1024 * 1024,
        )
        journal.open()
        if snapshot is None:
            await join(journal, database)

        nodes = Nodes(settings, database, clock, journal.identity)
        addressing = Addressing(settings, database, clock, entropy)
        admissions = Admissions(settings, clock, entropy, addressing.assign)
        vouchers = Vouchers(settings, database, box, clock, entropy, admissions.admit)
        auth = Authentication(settings, clock, entropy, vouchers)
        attempts, directory, authenticate = auth.attempts, auth.directory, auth.authenticate
        serves_radius = Role.RADIUS in roles
        if settings.radius.workers > 1 and serves_radius:
            pool = WorkerPool(
                settings.radius.host, settings.radius.auth_port, settings.radius.workers - 1, config, clock
            )
        edge = RadiusEdge(
            settings.radius.host,
            settings.radius.auth_port,
            settings.radius.acct_port,
            authenticate,
            partial(RecordAccounting, journal, clock),
            clock,
            ports=() if not serves_radius else BOTH_PORTS if pool is None else ("acct",),
        )
        auth.clients = clients_of(edge)
        radsec: RadsecEdge | None = None
        certificates = CertificateFiles.of(settings.data_dir)
        if settings.radius.radsec_port is not None and serves_radius:
            radsec = RadsecEdge(
                settings.radius.host,
                settings.radius.radsec_port,
                TlsContexts(certificates, clock.now, settings.certificates.names),
                authenticate,
                partial(RecordAccounting, journal, clock),
                clock,
                entropy,
                RadsecLimits(
                    connections=settings.radius.radsec_connections,
                    idle_seconds=settings.radius.radsec_idle_seconds,
                    revoked=frozenset(int(serial, 16) for serial in settings.eap.revoked),
                ),
                edge.dropped,
            )
            edge.take_along(radsec)
        if snapshot is None:
            await take_clients(edge, database, box, settings.radius.require_message_authenticator)
        else:
            default_policy = settings.radius.require_message_authenticator
            put_clients(edge, snapshot.nas, snapshot.router_logins, box, default_policy)
        knowledge = Knowledge(directory, clock, settings.outage.trust_minutes, snapshot)
        snapshots = None if database.is_sqlite else Snapshots(settings, config, knowledge, clock)
        trace = trace_of(edge, directory, clock, Realms.of(settings.radius.realms))

        if pool is not None:
            pool.serve(clients_of(edge), directory, vouchers)
        braking = Braking(settings, database, clock)
        entitle = Entitle(
            database,
            directory,
            box,
            standing_policy(settings),
            walled_garden(settings),
            tell=nodes.due_changed,
            brake=braking.brake,
        )
        braking.connect(entitle)
        vouchers.connect(directory, entitle)
        coa = CoaClient(
            settings.radius.host,
            timeout_seconds=settings.enforcement.coa_timeout_seconds,
            tries=settings.enforcement.coa_tries,
            entropy=entropy,
            interim_seconds=settings.radius.interim_interval,
            now=clock.now,
        )
        orders = None if radsec is None else OrdersByRadsec(radsec, coa, coa.patience_seconds)
        trace.take_along(*(sender for sender in (coa, orders) if sender is not None))
        routers = routers_of(settings, clock)
        comparing = Comparing(settings, clock, routers, orders or coa)
        reconcile = Reconcile(
            database,
            ControlWhileLeading(comparing.ways, nodes.leadership),
            box,
            clock,
            order_policy(settings),
            jitter=lambda: secrets.randbelow(1000) / 1000,
            orders=nodes.leadership.fenced(Duty.ENFORCEMENT),
        )
        nas_orders = Orders(reconcile, nodes.leadership)
        nodes.connect(directory, entitle, nas_orders)
        if pool is not None:
            nodes.told_due, nodes.told_used = pool.look, pool.used
        interim_seconds = settings.radius.interim_interval
        follow = FollowUsage(database, directory, entitle, nas_orders, clock, nodes.used, interim_seconds)
        services = RememberedServices()
        meter = MeterUsage(
            database,
            journal,
            clock,
            settings.timezone,
            services=services,
            keeps_records=settings.metering.raw_records,
            wallets=wallet_rules(settings),
        )
        metering = Metering(journal, meter, follow, clock, services)
        metering.makes_way = partial(_log_ins_wait, edge, pool)
        metering.has_burst = partial(_somebody_waits, edge, pool)
        watch = JournalWatch(journal, metering, settings.metering, clock)
        addressing.connect(directory, metering)
        told = FollowUsage(database, directory, entitle, nas_orders, clock, nodes.used)
        readings = MeterReadings(database, BookUsage(settings.timezone, wallets=wallet_rules(settings)), told.run)
        devices = Devices(settings, database, box, clock, entropy, readings)
        watching = Watching(settings, database, box, clock, journal, directory, devices, routers)
        watching.connect(metering, follow)
        static_lines = StaticLines(settings, database, clock, watching, comparing.cut, readings, nodes.leadership)
        nas_orders.on_nudged, nas_orders.on_heard = static_lines.keep.nudge, static_lines.keep.nas_heard
        keep_admissions = admissions.connect(
            database, journal, directory, clients_of(edge), metering, reconcile, nas_orders, nudge
        )
        nodes.tell_of(metering, keep_admissions)
        mqtt = mqtt_of(settings, database, clock) if Role.MQTT in roles else None
        if mqtt is not None:
            mqtt.connect(metering, entitle, reconcile, readings)
            mqtt.takes_meters = partial(nodes.leadership.leads, Duty.MQTT)
        comparing.connect(nodes.leadership.fenced(Duty.ENFORCEMENT), reconcile, metering, watching.load)
        effects = Effects(settings, database, clock)
        effects.connect(metering, entitle, reconcile, mqtt)
        confirm = ConfirmSessions(RecordReading(journal), (watching.routers, devices))
        failures = Failures()
        care = CertificateCare(certificates, settings.certificates.names, clock)
        storage = Storage(settings, database, clock)
        bookkeeping = Bookkeeping(settings, storage.patient, clock)
        messaging = Messaging(settings, database, clock, box)
        complaints = Complaints(settings, database, clock)
        webhooks = Webhooks(settings, database, box, clock)
        gateways = Gateways(settings, database, box, clock, nudge)
        manage_subscribers = ManageSubscribers(database, box, Defaults(settings.currency, settings.timezone))
        dunning = Dunning(settings, database, clock, manage_subscribers)
        health = Health(
            edge=edge,
            journal=journal,
            progress=metering,
            directory=directory,
            authenticate=authenticate,
            guessers=auth.guessers,
            eap=auth.eap,
            addressing=addressing,
            devices=devices,
            watching=watching,
            static_lines=static_lines,
            comparing=comparing,
            admissions=admissions,
            attempts=attempts,
            reconcile=reconcile,
            coa=coa,
            failures=failures,
            radsec=radsec,
            care=care,
            workers=pool,
            mqtt=mqtt,
            knowledge=knowledge,
            snapshots=snapshots,
            nodes=nodes,
            watch=watch,
            storage=storage,
            effects=effects,
            braking=braking,
            beside=(messaging, dunning, bookkeeping, webhooks, gateways, vouchers),
        )
        if mqtt is not None:
            mqtt.watch(health.status)

        drops = DropsOfAll(edge.dropped, pool)
        staff_alerts = StaffAlerts(settings, database, clock)
        staff_alerts.connect(health.status, drops.read)

        async def ask_drops(names: Sequence[str], nas: str | None) -> Mapping[str, Any]:
            since_at = nodes.hearing_since(metering.hearing_since())
            return {"hearing_since": since_at.isoformat(), **await drops.read(names, nas)}

        inside = InThisProcess(
            health.status,
            health.metrics,
            ask_drops,
            reconcile.lanes,
            RouterosSignal(watching.routers.connections),
            nudge,
            gateways.callback_came,
        )
        pages = await place_pages(settings, database, box, clock, inside, watching, gateways, config)
        health.pages = pages
        messaging.calls = pages.messenger_calls
        return Parts(
            settings=settings,
            clock=clock,
            lock=lock,
            database=database,
            auth=auth,
            box=box,
            journal=journal,
            edge=edge,
            workers=pool,
            drops=drops,
            trace=trace,
            radsec=radsec,
            care=care,
            metering=metering,
            addressing=addressing,
            devices=devices,
            watching=watching,
            static_lines=static_lines,
            comparing=comparing,
            admissions=admissions,
            keep_admissions=keep_admissions,
            vouchers=vouchers,
            mqtt=mqtt,
            knowledge=knowledge,
            snapshots=snapshots,
            nodes=nodes,
            orders=nas_orders,
            watch=watch,
            braking=braking,
            bookkeeping=bookkeeping,
            messaging=messaging,
            staff_alerts=staff_alerts,
            complaints=complaints,
            webhooks=webhooks,
            gateways=gateways,
            dunning=dunning,
            working=Working(settings, database, box, clock, manage_subscribers, nudge),
            entitle=entitle,
            reconcile=reconcile,
            coa=coa,
            log_attempts=LogAttempts(database, attempts, settings.metering.auth_log_rows),
            reap=ReapSessions(
                database,
                SilencePolicy(settings.radius.interim_interval, settings.metering.stale_minutes * 60),
                confirm,
            ),
            confirm=confirm,
            billing=billing_run(settings, database),
            renew=RenewPrepaid(database, tax=tax_policy(settings)),
            catalogue=Catalogue(database, clock, nudge),
            rating=Rating(database, clock, nudge, told.run, settings.timezone, wallet_rules(settings)),
            sample=SampleThroughput(database),
            storage=storage,
            effects=effects,
            failures=failures,
            health=health,
            pages=pages,
        )
    except BaseException:
        if pages is not None:
            pages.let_go()
        if edge is not None:
            edge.close()
        if pool is not None:
            pool.close()
        if journal is not None:
            await journal.close()
        if database is not None:
            await database.close()
        lock.release()
        raise


def _log_ins_wait(edge: RadiusEdge, workers: WorkerPool | None) -> bool:
    return edge.log_ins_wait() or (workers is not None and workers.log_ins_wait())


def _somebody_waits(edge: RadiusEdge, workers: WorkerPool | None) -> bool:
    return any(listener.is_busy for _, listener in edge.listeners) or (workers is not None and workers.log_ins_wait())
