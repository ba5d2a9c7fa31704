"""What changes of what is due have come to, in the running daemon: seconds until they were seen, and alerts."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.metering import Metering
from netbilld.daemon.mqtt import Mqtt
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.enforcement.desired import DesiredService
from netbilld.services.entitle import Entitle
from netbilld.services.follow_effects import BOUNDS_SECONDS, FollowEffects
from netbilld.services.meter_usage import Batch
from netbilld.services.order_news import OrderNews
from netbilld.services.raise_alerts import AlertPolicy, RaiseAlerts, Trouble
from netbilld.services.reconcile import Reconcile

ALERT_SECONDS: Final = 2.0
PRUNE_SECONDS: Final = 3600.0
Families = Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]


class Effects:
    """Everything of the daemon that tells how orders do."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        enforcement = settings.enforcement
        self._database = database
        self._clock = clock
        self._keep = timedelta(days=enforcement.keep_effects_days)
        self._mqtt: Mqtt | None = None
        self.follow: Final = FollowEffects(database, clock)
        self.alerts: Final = RaiseAlerts(
            database,
            clock,
            AlertPolicy(enforcement.alert_seconds, enforcement.return_seconds, enforcement.silent_seconds),
        )

    def connect(self, metering: Metering, entitle: Entitle, reconcile: Reconcile, mqtt: Mqtt | None) -> None:
        """Say where the news comes from; whoever listens already goes on listening."""
        on_changed, on_orders, on_batch = entitle.on_changed, reconcile.on_orders, metering.on_followed

        def changed(due: Sequence[DesiredService]) -> None:
            if on_changed is not None:
                on_changed(due)
            self.follow.opened(due)

        def orders(news: Sequence[OrderNews]) -> None:
            if on_orders is not None:
                on_orders(news)
            self.follow.heard(one.service_id for one in news)

        def followed(batch: Batch) -> None:
            if on_batch is not None:
                on_batch(batch)
            if batch.new_session_ids or batch.ended_session_ids:
                self.follow.heard(one.service_id for one in batch.sessions)

        entitle.on_changed = changed
        reconcile.on_orders = orders
        metering.on_followed = followed
        self._mqtt = mqtt
        if mqtt is not None:
            self.alerts.on_alert = self._publish

    def _publish(self, trouble: Trouble, at: datetime, raised: bool) -> None:
        assert self._mqtt is not None  # noqa: S101 - connected
        self._mqtt.events.alert(
            trouble.kind.value,
            trouble.text,
            at,
            raised=raised,
            service_id=trouble.service_id,
            nas_id=trouble.nas_id,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever where orders are sent, by name."""
        return {
            "effects": self.follow.run,
            "alerts": partial(every, ALERT_SECONDS, self.alerts.look),
            "kept effects": partial(every, PRUNE_SECONDS, self._prune),
        }

    async def _prune(self) -> None:
        before_at = self._clock.now() - self._keep
        async with self._database.write() as work:
            await work.effects.prune(before_at)
            await work.alerts.prune(before_at)

    def families(self) -> Families:
        """Yield what `/metrics` says: name, kind, help, samples."""
        samples: list[tuple[str, float]] = []
        for (cause, step), buckets in self.follow.seconds.items():
            about = f'cause="{cause}",step="{step}"'
            bounds = zip(BOUNDS_SECONDS, buckets.counts, strict=True)
            samples += [(f'_bucket{{{about},le="{bound:g}"}}', count) for bound, count in bounds]
            samples.append((f'_bucket{{{about},le="+Inf"}}', buckets.count))
            samples.append((f"_sum{{{about}}}", round(buckets.sum_seconds, 3)))
            samples.append((f"_count{{{about}}}", buckets.count))
        yield "netbilld_effect_seconds", "histogram", "From a cause until its order left and was seen.", samples
        yield (
            "netbilld_effects_total",
            "counter",
            "Changes that needed a NAS, by what became of them.",
            [(f'{{ending="{ending}"}}', count) for ending, count in self.follow.endings.items()],
        )
        yield (
            "netbilld_effects_waiting",
            "gauge",
            "Services with a change that is waited for.",
            [("", self.follow.waiting)],
        )
        yield (
            "netbilld_alerts",
            "gauge",
            "Alerts of enforcement that last.",
            [(f'{{kind="{kind.value}"}}', count) for kind, count in self.alerts.now_open.items()],
        )
        yield (
            "netbilld_alerts_raised_total",
            "counter",
            "Alerts of enforcement raised.",
            [(f'{{kind="{kind.value}"}}', count) for kind, count in self.alerts.raised.items()],
        )
