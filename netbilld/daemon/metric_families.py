"""What parts of the daemon count, as families of /metrics: name, kind, help, and values by label."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.coa import CoaClient
from netbilld.daemon.addressing import Addressing
from netbilld.daemon.admissions import Admissions
from netbilld.daemon.journal_watch import JournalWatch
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.nodes import Nodes
from netbilld.daemon.radsec_edge import RadsecEdge
from netbilld.daemon.roles import duties_of
from netbilld.daemon.snapshots import Snapshots
from netbilld.daemon.workers.pool import WorkerPool
from netbilld.radius.server import DropReason
from netbilld.services.nas_lane import NasOrders

Family = tuple[str, str, str, Sequence[tuple[str, float]]]
SOCKET_COUNTERS: Final = (
    ("received", "Datagrams taken from the socket."),
    ("receive_errors", "Times the socket could not be read."),
    ("sent", "Datagrams sent."),
    ("send_errors", "Replies the kernel did not take."),
    ("handler_errors", "Packets that failed inside; a fault of ours."),
)
KERNEL_DROPS: Final = ("kernel_drops", "Datagrams the kernel dropped because the receive buffer was full.")


def lane_families(lanes: Mapping[UUID, NasOrders]) -> Iterator[Family]:
    """Return how each NAS's orders go."""
    by_nas = [(f'{{nas="{nas_id}"}}', lane) for nas_id, lane in lanes.items()]
    yield (
        "netbilld_orders_waiting",
        "gauge",
        "Orders waiting for a NAS.",
        [(label, lane.waiting) for label, lane in by_nas],
    )
    yield (
        "netbilld_orders_window_seconds",
        "gauge",
        "How long until all that waits for a NAS has left, at the pace of now; none where it is silent.",
        [(label, lane.window_seconds) for label, lane in by_nas if lane.window_seconds is not None],
    )
    yield (
        "netbilld_nas_pace_ratio",
        "gauge",
        "What is left of a NAS's full pace; less than 1 while its answers are slow or missing.",
        [(label, lane.pace_percent / 100) for label, lane in by_nas],
    )
    yield (
        "netbilld_nas_silent",
        "gauge",
        "1 where a NAS left its last order unanswered.",
        [(label, int(lane.silent)) for label, lane in by_nas],
    )


def journal_families(journal: Journal) -> Iterator[Family]:
    """Return what is made durable before it is answered."""
    counter, gauge = "counter", "gauge"
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


def coa_families(coa: CoaClient) -> Iterator[Family]:
    """Return what is counted of orders by CoA and Disconnect."""
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
    yield (
        prefix + "unanswered_total",
        counter,
        "Orders left without an answer that could be believed, by what is known of why.",
        [(f'{{why="{why}"}}', count) for why, count in counted.silences.items()],
    )
    yield (
        prefix + "refused_total",
        counter,
        "Refusals, by Error-Cause; 0 where none was given.",
        [(f'{{cause="{cause}"}}', count) for cause, count in sorted(counted.causes.items())],
    )
    yield prefix + "send_errors_total", counter, "Requests the kernel did not take.", [("", counted.send_errors)]
    yield (
        prefix + "ignored_total",
        counter,
        "Datagrams that answer nothing, by reason.",
        [(f'{{reason="{reason}"}}', count) for reason, count in counted.ignored.items()],
    )


def admission_families(admissions: Admissions) -> Iterator[Family]:
    """Return what limits, locks and hours decide."""
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


def node_families(nodes: Nodes) -> Iterator[Family]:
    """Return how this node is among others."""
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


def watch_families(watch: JournalWatch) -> Iterator[Family]:
    """Return how much of the journal waits, and what of it is damaged."""
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


def knowledge_families(knowledge: Knowledge, snapshots: Snapshots | None) -> Iterator[Family]:
    """Return how fresh is what log-ins are answered by."""
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


def address_families(addressing: Addressing) -> Iterator[Family]:
    """Return what is given from our own pools."""
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


def worker_families(workers: WorkerPool) -> Iterator[Family]:
    """Return what the authentication processes count, each."""
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
    for name, help_text in (*SOCKET_COUNTERS, KERNEL_DROPS):
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


def radsec_families(radsec: RadsecEdge) -> Iterator[Family]:
    """Return what connections over TLS count."""
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
