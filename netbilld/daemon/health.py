"""Is the daemon ready, and what does it count: for /readyz, /metrics and `doctor`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.coa import CoaClient
from netbilld.daemon.addressing import Addressing
from netbilld.daemon.admissions import Admissions
from netbilld.daemon.braking import Braking
from netbilld.daemon.certificate_care import CertificateCare
from netbilld.daemon.comparing import Comparing
from netbilld.daemon.devices import Devices
from netbilld.daemon.effects import Effects
from netbilld.daemon.journal_watch import JournalWatch
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.metric_families import (
    KERNEL_DROPS,
    SOCKET_COUNTERS,
    Family,
    address_families,
    admission_families,
    coa_families,
    journal_families,
    knowledge_families,
    lane_families,
    node_families,
    radsec_families,
    watch_families,
    worker_families,
)
from netbilld.daemon.mqtt import Mqtt
from netbilld.daemon.nodes import Nodes
from netbilld.daemon.pages.placing import Pages
from netbilld.daemon.pages.serving import PortFigures
from netbilld.daemon.radius_edge import RadiusEdge
from netbilld.daemon.radsec_edge import RadsecEdge
from netbilld.daemon.roles import Role
from netbilld.daemon.snapshots import Snapshots
from netbilld.daemon.static_lines import StaticLines
from netbilld.daemon.storage import Storage
from netbilld.daemon.tasks import Failures
from netbilld.daemon.watching import Watching
from netbilld.daemon.workers.pool import WorkerPool
from netbilld.radius.eap import EapServer
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


class Beside(Protocol):
    """A part with notices and metrics of its own."""

    @property
    def notices(self) -> list[str]: ...

    def families(self) -> Iterator[Family]: ...


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
        comparing: Comparing,
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
        static_lines: StaticLines | None = None,
        effects: Effects | None = None,
        braking: Braking | None = None,
        beside: Sequence[Beside] = (),
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
        self._static_lines = static_lines
        self._comparing = comparing
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
        self._effects = effects
        self._braking = braking
        self._beside = beside
        self.answering = False
        self.http: list[PortFigures] = []
        self.pages: Pages | None = None

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
        for part in self._beside:
            notices += part.notices
        brake = self._braking.notice if self._braking is not None else None
        if brake is not None:
            notices.append(brake)
        if self._mqtt is not None:
            notices += self._mqtt.notices
        if self.pages is not None:
            notices += self.pages.notices
        said: dict[str, Any] = {"ready": not reasons, "reasons": reasons, "notices": notices}
        if brake is not None:
            said["brake"] = brake
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

    def _families(self) -> Iterator[Family]:
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
        for name, help_text in SOCKET_COUNTERS:
            yield (
                f"{prefix}{name}_total",
                counter,
                help_text,
                [(labels, getattr(listener.counters, name)) for labels, listener in sockets],
            )
        yield (
            f"{prefix}{KERNEL_DROPS[0]}_total",
            counter,
            KERNEL_DROPS[1],
            [(labels, listener.kernel_drops()) for labels, listener in sockets],
        )
        if self._workers is not None:
            yield from worker_families(self._workers)
        if self._radsec is not None:
            yield from radsec_families(self._radsec)
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
        yield from journal_families(self._journal)
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
        yield from address_families(self._addressing)
        yield from self._watching.families()
        yield from self._comparing.families()
        if self._storage is not None:
            yield from self._storage.families()
        for part in self._beside:
            yield from part.families()
        if self._static_lines is not None:
            yield from self._static_lines.families()
        if self._effects is not None:
            yield from self._effects.families()
        if self._braking is not None:
            yield from self._braking.families()
        yield from lane_families(self._reconcile.lanes())
        yield from coa_families(self._coa)
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
            "Connections closed, too many being open or no request coming.",
            [(label, one.refused) for label, one in ports],
        )
        yield "netbilld_task_failures_total", counter, "Failures of background work.", [("", self._failures.count)]
        yield from admission_families(self._admissions)
        if self._mqtt is not None:
            yield from self._mqtt.families()
        if self._knowledge is not None:
            yield from knowledge_families(self._knowledge, self._snapshots)
        if self._nodes is not None:
            yield from node_families(self._nodes)
        if self._watch is not None:
            yield from watch_families(self._watch)
