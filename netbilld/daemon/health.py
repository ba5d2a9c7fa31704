"""Is the daemon ready, and what does it count: for /readyz, /metrics and `doctor`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.coa import CoaClient
from netbilld.daemon.addressing import Addressing
from netbilld.daemon.admissions import Admissions
from netbilld.daemon.certificate_care import CertificateCare
from netbilld.daemon.devices import Devices
from netbilld.daemon.http_port import HttpPort
from netbilld.daemon.journal_watch import JournalWatch
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.mqtt import Mqtt
from netbilld.daemon.nodes import Nodes
from netbilld.daemon.radius_edge import RadiusEdge
from netbilld.daemon.radsec_edge import RadsecEdge
from netbilld.daemon.roles import Role, duties_of
from netbilld.daemon.snapshots import Snapshots
from netbilld.daemon.storage import Storage
from netbilld.daemon.tasks import Failures
from netbilld.daemon.watching import Watching
from netbilld.daemon.workers.pool import WorkerPool
from netbilld.radius.eap import EapServer
from netbilld.radius.server import DropReason
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.attempt_buffer import AttemptBuffer
from netbilld.services.authenticate import Authenticate
from netbilld.services.reconcile import Reconcile
from netbilld.services.record_accounting import Unanswered
from netbilld.services.slow_guessers import SlowGuessers


class Progress(Protocol):
    """How far metering has come."""

    applied: int

    @property
    def parked(self) -> int: ...

    @property
    def unknown_nas(self) -> int: ...

    @property
    def doubted(self) -> int: ...

    @property
    def doubts_waiting(self) -> int: ...

    @property
    def behind_octets(self) -> int: ...


class Health:
    """Reads counters of the running parts; holds none of its own but whether RADIUS is answered."""

    def __init__(
        self,
        *,
        edge: RadiusEdge,
        journal: Journal,
        progress: Progress,
        directory: AccessDirectory,
        authenticate: Authenticate,
        guessers: SlowGuessers,
        eap: EapServer,
        addressing: Addressing,
        devices: Devices,
        watching: Watching,
        admissions: Admissions,
        attempts: AttemptBuffer,
        reconcile: Reconcile,
        coa: CoaClient,
        failures: Failures,
        radsec: RadsecEdge | None = None,
        care: CertificateCare | None = None,
        workers: WorkerPool | None = None,
        mqtt: Mqtt | None = None,
        knowledge: Knowledge | None = None,
        snapshots: Snapshots | None = None,
        nodes: Nodes | None = None,
        watch: JournalWatch | None = None,
        storage: Storage | None = None,
    ) -> None:
        self._edge = edge
        self._journal = journal
        self._progress = progress
        self._directory = directory
        self._authenticate = authenticate
        self._guessers = guessers
        self._eap = eap
        self._addressing = addressing
        self._devices = devices
        self._watching = watching
        self._admissions = admissions
        self._attempts = attempts
        self._reconcile = reconcile
        self._coa = coa
        self._failures = failures
        self._radsec = radsec
        self._care = care
        self._workers = workers
        self._mqtt = mqtt
        self._knowledge = knowledge
        self._snapshots = snapshots
        self._nodes = nodes
        self._watch = watch
        self._storage = storage
        self.answering = False
        self.http: list[HttpPort] = []

    def status(self) -> Mapping[str, Any]:
        """Return `{"ready", "reasons", "notices", "node", "roles", "leads"}`: a database that is away is a notice."""
        reasons = []
        if not self.answering:
            is_radius = self._nodes is None or Role.RADIUS in self._nodes.leadership.roles
            reasons.append("RADIUS is not answered yet" if is_radius else "it is being started")
        if self._workers is not None and self._workers.missing:
            away = ", ".join(str(number) for number in self._workers.missing)
            reasons.append(f"authentication process {away} is being started")
        if trouble := self._journal.trouble:
            reasons.append(f"accounting can't be made durable: {trouble}")
        notices = [notice] if self._knowledge is not None and (notice := self._knowledge.notice) else []
        if self._watch is not None and self._watch.notice is not None:
            notices.append(self._watch.notice)
        if self._watch is not None and self._watch.damage is not None:
            notices.append(self._watch.damage)
        notices += [f"{name}: {error}" for name, error in sorted(self._failures.now.items())]
        if self._snapshots is not None and self._snapshots.trouble:
            notices.append(f"snapshot: {self._snapshots.trouble}")
        if self._radsec is not None and self._radsec.trouble:
            notices.append(f"RadSec is not started: {self._radsec.trouble}")
        if self._care is not None:
            notices += self._care.troubles
        if waiting := self._progress.doubts_waiting:
            notices.append(f"{waiting} reports can't be true and are not billed: see `netbilld usage doubts`")
        if self._storage is not None:
            notices += self._storage.notices
        if self._mqtt is not None:
            notices += self._mqtt.notices
        said: dict[str, Any] = {"ready": not reasons, "reasons": reasons, "notices": notices}
        if self._nodes is not None:
            notices += self._nodes.leadership.notices
            said |= self._nodes.status()
        return said

    def _elsewhere(self, port: str, counter: str) -> int:
        """Return what the authentication processes have counted."""
        return self._workers.total(counter) if self._workers is not None and port == "auth" else 0

    def metrics(self) -> str:
        """Return Prometheus text; every name begins with `netbilld_`."""
        lines: list[str] = []
        for name, kind, help_text, samples in self._families():
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{labels} {value}" for labels, value in samples]
        return "\n".join(lines) + "\n"

    def _families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        servers = {"auth": self._edge.auth, "acct": self._edge.acct}
        counter, gauge = "counter", "gauge"
        prefix = "netbilld_radius_"
        yield (
            prefix + "requests_total",
            counter,
            "Verified requests worked on.",
            [(f'{{port="{port}"}}', server.requests) for port, server in servers.items()],
        )
        yield (
            prefix + "replays_total",
            counter,
            "Retransmissions answered with the same bytes.",
            [(f'{{port="{port}"}}', server.replays) for port, server in servers.items()],
        )
        yield (
            prefix + "replies_total",
            counter,
            "Replies signed.",
            [(f'{{port="{port}"}}', server.replies) for port, server in servers.items()],
        )
        yield (
            prefix + "dropped_total",
            counter,
            "Datagrams that got silence, by reason.",
            [
                (f'{{port="{port}",reason="{reason}"}}', count + self._elsewhere(port, f"dropped_{reason}"))
                for port, server in servers.items()
                for reason, count in server.drops.items()
            ]
            + [
                (f'{{port="acct",reason="{why}"}}', sum(recorder.unanswered[why] for recorder in self._edge.recorders))
                for why in Unanswered
            ],
        )
        sockets = [
            (f'{{port="{server.kind}",host="{listener.host}"}}', listener) for server, listener in self._edge.listeners
        ]
        for name, help_text in (
            ("received", "Datagrams taken from the socket."),
            ("receive_errors", "Times the socket could not be read."),
            ("sent", "Datagrams sent."),
            ("send_errors", "Replies the kernel did not take."),
            ("handler_errors", "Packets that failed inside; a fault of ours."),
        ):
            yield (
                f"{prefix}{name}_total",
                counter,
                help_text,
                [(labels, getattr(listener.counters, name)) for labels, listener in sockets],
            )
        yield (
            prefix + "kernel_drops_total",
            counter,
            "Datagrams the kernel dropped because the receive buffer was full.",
            [(labels, listener.kernel_drops()) for labels, listener in sockets],
        )
        if self._workers is not None:
            yield from _worker_families(self._workers)
        if self._radsec is not None:
            yield from _radsec_families(self._radsec)
        yield (
            "netbilld_auth_results_total",
            counter,
            "Log-ins by result.",
            [
                ('{result="accept"}', self._authenticate.accepts + self._elsewhere("auth", "accepts")),
                ('{result="reject"}', self._authenticate.rejects + self._elsewhere("auth", "rejects")),
                ('{result="challenge"}', self._authenticate.challenges + self._elsewhere("auth", "challenges")),
            ],
        )
        for name, help_text, here in (
            ("put_off", "Rejects a guesser had to wait for.", self._guessers.put_off),
            ("refused", "Tries not looked at, too many having gone before.", self._guessers.refused),
        ):
            elsewhere = self._elsewhere("auth", f"guesses_{name}")
            yield f"netbilld_guesses_{name}_total", counter, help_text, [("", here + elsewhere)]
        for name, kind, help_text, here in (
            ("conversations", gauge, "EAP conversations under way.", len(self._eap.conversations)),
            ("abandoned_total", counter, "EAP conversations no device ended.", self._eap.conversations.abandoned),
            ("displaced_total", counter, "EAP conversations that made room.", self._eap.conversations.displaced),
            ("silenced_total", counter, "EAP packets not answered.", self._eap.silenced),
            ("resumed_total", counter, "EAP log-ins by a resumed session.", self._eap.resumed),
        ):
            elsewhere = self._elsewhere("auth", f"eap_{name.removesuffix('_total')}")
            yield f"netbilld_eap_{name}", kind, help_text, [("", here + elsewhere)]
        yield "netbilld_credentials", gauge, "Credentials held in memory.", [("", len(self._directory))]
        yield (
            "netbilld_auth_log_waiting",
            gauge,
            "Attempts waiting to be written.",
            [("", len(self._attempts) + self._elsewhere("auth", "log_waiting"))],
        )
        yield (
            "netbilld_auth_log_lost_total",
            counter,
            "Attempts lost unwritten.",
            [("", self._attempts.lost + self._elsewhere("auth", "log_lost"))],
        )
        journal = self._journal
        yield "netbilld_journal_appended_total", counter, "Accounting records made durable.", [("", journal.appended)]
        yield "netbilld_journal_failed_total", counter, "Accounting records not made durable.", [("", journal.failed)]
        yield (
            "netbilld_journal_refused_total",
            counter,
            "Accounting records refused, queue full.",
            [("", journal.refused)],
        )
        yield (
            "netbilld_journal_pending",
            gauge,
            "Accounting records waiting to become durable.",
            [("", journal.pending)],
        )
        yield "netbilld_journal_commits_total", counter, "Group commits.", [("", journal.groups)]
        yield (
            "netbilld_journal_torn_total",
            counter,
            "Accounting records cut off at the start: a power cut had left them half written.",
            [("", journal.torn_records)],
        )
        yield (
            "netbilld_journal_usable",
            gauge,
            "1 while accounting can be made durable.",
            [("", int(not journal.trouble))],
        )
        yield "netbilld_metering_applied_total", counter, "Journal records applied.", [("", self._progress.applied)]
        yield "netbilld_metering_parked_total", counter, "Journal records that failed.", [("", self._progress.parked)]
        strange = self._progress.unknown_nas
        yield (
            "netbilld_metering_unknown_nas_total",
            counter,
            "Journal records of NAS not in the books.",
            [("", strange)],
        )
        doubted, waiting = self._progress.doubted, self._progress.doubts_waiting
        yield "netbilld_metering_doubted_total", counter, "Reports faster than their port.", [("", doubted)]
        yield "netbilld_usage_doubts_waiting", gauge, "Reports that wait for a decision.", [("", waiting)]
        yield (
            "netbilld_metering_behind_octets",
            gauge,
            "Journal octets not applied yet.",
            [("", self._progress.behind_octets)],
        )
        yield from _address_families(self._addressing)
        yield from self._watching.families()
        if self._storage is not None:
            yield from self._storage.families()
        lanes: Mapping[UUID, Any] = self._reconcile.lanes()
        yield (
            "netbilld_orders_waiting",
            gauge,
            "Orders waiting for a NAS.",
            [(f'{{nas="{nas_id}"}}', lane.waiting) for nas_id, lane in lanes.items()],
        )
        yield (
            "netbilld_nas_silent",
            gauge,
            "1 where a NAS left its last order unanswered.",
            [(f'{{nas="{nas_id}"}}', int(lane.silent)) for nas_id, lane in lanes.items()],
        )
        yield from _coa_families(self._coa)
        yield from self._devices.metrics()
        ports = [(f'{{port="{port.name}"}}', port) for port in self.http]
        yield (
            "netbilld_http_connections",
            gauge,
            "Open connections.",
            [(label, one.connections) for label, one in ports],
        )
        yield (
            "netbilld_http_refused_total",
            counter,
            "Connections closed at once, too many being open.",
            [(label, one.refused) for label, one in ports],
        )
        yield "netbilld_task_failures_total", counter, "Failures of background work.", [("", self._failures.count)]
        yield from _admission_families(self._admissions)
        if self._mqtt is not None:
            yield from self._mqtt.families()
        if self._knowledge is not None:
            yield from _knowledge_families(self._knowledge, self._snapshots)
        if self._nodes is not None:
            yield from _node_families(self._nodes)
        if self._watch is not None:
            yield from _watch_families(self._watch)


def _coa_families(coa: CoaClient) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix, counter = "netbilld_coa_", "counter"
    counted = coa.counters
    yield prefix + "requests_total", counter, "CoA- and Disconnect-Requests sent by UDP.", [("", counted.requests)]
    yield prefix + "retransmissions_total", counter, "Copies of them sent again.", [("", counted.retransmissions)]
    ended = (("ack", counted.acks), ("nak", counted.naks), ("none", counted.timeouts))
    yield (
        prefix + "answers_total",
        counter,
        "What the NAS answered; none after the last try.",
        [(f'{{answer="{what}"}}', count) for what, count in ended],
    )
    yield prefix + "send_errors_total", counter, "Requests the kernel did not take.", [("", counted.send_errors)]
    yield (
        prefix + "ignored_total",
        counter,
        "Datagrams that answer nothing, by reason.",
        [(f'{{reason="{reason}"}}', count) for reason, count in counted.ignored.items()],
    )


def _admission_families(admissions: Admissions) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix, counter, gauge = "netbilld_admission_", "counter", "gauge"
    counted = admissions.admit.counters
    refused = (("limit", counted.refused_limit), ("lock", counted.refused_lock), ("hours", counted.refused_hours))
    yield (
        prefix + "refused_total",
        counter,
        "Log-ins with right credentials that a limit, lock or hour refused.",
        [(f'{{by="{what}"}}', count) for what, count in refused],
    )
    ended = (("replaced", counted.replaced), ("ghost", counted.ghosts))
    yield (
        prefix + "ended_total",
        counter,
        "Sessions asked to end because of a log-in.",
        [(f'{{as="{what}"}}', count) for what, count in ended],
    )
    yield prefix + "sessions", gauge, "Open sessions held in memory.", [("", len(admissions.live))]
    yield (
        prefix + "lessons_forgone_total",
        counter,
        "Locks that a first log-in did not teach, too many waiting to be written.",
        [("", admissions.learned.forgone)],
    )
    yield prefix + "unwritten", gauge, "Decisions that wait to be written.", [("", admissions.unwritten)]


def _node_families(nodes: Nodes) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    leadership = nodes.leadership
    duties = [(f'{{duty="{duty}"}}', int(leadership.leads(duty))) for duty in duties_of(leadership.roles)]
    yield "netbilld_node_leads", "gauge", "1 for work of which this node does all there is.", duties
    moves = (("gained", leadership.gained), ("lost", leadership.lost))
    for name, count in moves:
        yield f"netbilld_node_duties_{name}_total", "counter", f"Duties that were {name}.", [("", count)]
    if leadership.clock_ahead is not None:
        seconds = leadership.clock_ahead.total_seconds()
        yield "netbilld_node_clock_ahead_seconds", "gauge", "Our clock against the database's.", [("", seconds)]
    if nodes.news is None:
        return
    if nodes.sessions is not None:
        for name, help_text, count in (
            ("told", "Sessions that other nodes were told of.", nodes.sessions.told),
            ("heard", "Sessions that other nodes told of.", nodes.sessions.heard),
            (
                "lost",
                "Sessions too many at once to tell of; they are found in the store.",
                nodes.sessions.lost,
            ),
        ):
            yield f"netbilld_session_news_{name}_total", "counter", help_text, [("", count)]
    for name, help_text in (
        ("told", "What other nodes were told."),
        ("heard", "What other nodes told."),
        ("lost", "What was too much at once to tell; everybody is decided on anew then."),
    ):
        samples = [(f'{{topic="{topic.name}"}}', getattr(topic, name)) for topic in nodes.news.topics]
        yield f"netbilld_node_news_{name}_total", "counter", help_text, samples


def _watch_families(watch: JournalWatch) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    for name, help_text, value in (
        ("unapplied_octets", "Records that the database has not applied.", watch.unapplied_octets),
        ("oldest_unapplied_seconds", "Age of the oldest of them; 0 for none.", round(watch.oldest_seconds(), 3)),
        ("max_octets", "What it may take; beyond it accounting is not answered.", watch.most_octets),
        ("alarm", "1 while too much of it waits, or has waited for too long.", int(watch.notice is not None)),
    ):
        yield f"netbilld_journal_{name}", "gauge", help_text, [("", value)]
    for name, help_text, value in (
        ("unreadable_octets", "Journal octets that were no sound record any more.", watch.damaged_octets),
        ("missing_segments", "Journal segments that were expected and not there.", watch.missing_segments),
    ):
        yield f"netbilld_journal_{name}_total", "counter", help_text, [("", value)]


def _knowledge_families(
    knowledge: Knowledge, snapshots: Snapshots | None
) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix, gauge = "netbilld_knowledge_", "gauge"
    yield (
        prefix + "age_seconds",
        gauge,
        "How long ago the database last confirmed what log-ins are answered by.",
        [("", round(knowledge.age_seconds, 3))],
    )
    yield (
        prefix + "from_snapshot",
        gauge,
        "1 while log-ins are answered by the snapshot that the start had to begin with.",
        [("", int(knowledge.is_from_snapshot))],
    )
    if snapshots is None or snapshots.taken_at is None:
        return
    yield (
        "netbilld_snapshot_taken_timestamp_seconds",
        gauge,
        "When it was taken.",
        [("", snapshots.taken_at.timestamp())],
    )
    yield "netbilld_snapshot_octets", gauge, "Its size on disk.", [("", snapshots.octets)]
    if snapshots.took_seconds is not None:
        yield "netbilld_snapshot_took_seconds", gauge, "What it took.", [("", round(snapshots.took_seconds, 3))]


def _address_families(addressing: Addressing) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix, counter, gauge = "netbilld_addresses_", "counter", "gauge"
    given, settled = addressing.assign.counters, addressing.settle.counters
    for name, help_text, count in (
        ("given", "Log-ins that got addresses from our pools.", given.given),
        ("given_unwritten", "Log-ins that got what they had while the database was away.", given.given_unwritten),
        ("lost_races", "Addresses that another process had taken a moment before.", given.lost_races),
        ("released", "Addresses freed.", settled.released),
        ("adopted", "Addresses a session was seen with and had no lease for.", settled.adopted),
        ("conflicts", "Addresses a session was seen with although another service has them.",
         given.conflicts + settled.conflicts),
    ):  # fmt: skip
        yield f"{prefix}{name}_total", counter, help_text, [("", count)]
    refused = (("full", given.refused_full), ("unavailable", given.refused_unavailable))
    yield (
        prefix + "refused_total",
        counter,
        "Log-ins refused for want of an address.",
        [(f'{{reason="pool_{why}"}}', count) for why, count in refused],
    )
    yield prefix + "waiting", gauge, "Log-ins that wait for their address.", [("", addressing.assign.waiting)]
    free = [(f'{{pool="{_label(table.pool.name)}"}}', table.free) for table in addressing.book.tables()]
    yield prefix + "free", gauge, "Addresses nobody has, as far as this process knows.", free


def _label(value: str) -> str:
    """Return text as a label's value holds it."""
    return value.replace("\\", r"\\").replace('"', r"\"")


def _worker_families(workers: WorkerPool) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix = "netbilld_worker_"
    said = [(f'{{worker="{number}"', count) for number, count in enumerate(workers.counts, 1)]
    yield (
        prefix + "requests_total",
        "counter",
        "Verified requests worked on.",
        [(label + "}", count.get("requests", 0)) for label, count in said],
    )
    yield (
        prefix + "max_rss_octets",
        "gauge",
        "Most memory a process has had.",
        [(label + "}", count.get("max_rss_octets", 0)) for label, count in said],
    )
    for name, help_text in (
        ("received", "Datagrams taken from the socket."),
        ("receive_errors", "Times the socket could not be read."),
        ("sent", "Datagrams sent."),
        ("send_errors", "Replies the kernel did not take."),
        ("handler_errors", "Packets that failed inside; a fault of ours."),
        ("kernel_drops", "Datagrams the kernel dropped because the receive buffer was full."),
    ):
        yield (
            f"{prefix}{name}_total",
            "counter",
            help_text,
            [
                (f'{label},host="{sock["host"]}"}}', sock[name])
                for label, count in said
                for sock in count.get("sockets", ())
            ],
        )


def _radsec_families(radsec: RadsecEdge) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
    prefix, counter = "netbilld_radsec_", "counter"
    counters, totals = radsec.listener.counters, radsec.totals()
    yield prefix + "connections", "gauge", "Open connections of known NAS.", [("", radsec.connected)]
    yield prefix + "accepted_total", counter, "Connections that were let try.", [("", counters.accepted)]
    yield (
        prefix + "closed_total",
        counter,
        "Connections that ended or never came to be, by reason.",
        [(f'{{reason="{why}"}}', count) for why, count in counters.closed.items()],
    )
    yield prefix + "received_total", counter, "Packets taken from connections.", [("", counters.received)]
    yield prefix + "sent_total", counter, "Packets sent.", [("", counters.sent)]
    yield prefix + "handler_errors_total", counter, "Packets that failed inside.", [("", counters.handler_errors)]
    for name, help_text, counted in (
        ("requests", "Verified requests worked on.", totals.requests),
        ("replays", "Repeated requests answered with the same bytes.", totals.replays),
    ):
        samples = [(f'{{kind="{kind}"}}', float(counted[kind])) for kind in ("auth", "acct")]
        yield f"{prefix}{name}_total", counter, help_text, samples
    yield (
        prefix + "dropped_total",
        counter,
        "Packets that got silence, by reason.",
        [
            (f'{{kind="{kind}",reason="{reason}"}}', totals.drops[kind, reason])
            for kind in ("auth", "acct")
            for reason in DropReason
        ],
    )
