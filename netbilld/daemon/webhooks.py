"""Webhooks in the running daemon: events are looked for and sent on one node, beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.webhook_client import WebhookClient
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.services.deliver_webhooks import DeliverWebhooks
from netbilld.services.queue_events import QueueEvents

LOOK_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 3600.0


class Webhooks:
    """Everything of the daemon that concerns webhooks."""

    def __init__(self, settings: Settings, database: Database, box: SecretBox, clock: SystemClock) -> None:
        self._queue = QueueEvents(database, clock, settings.timezone)
        keep = timedelta(days=settings.webhooks.keep_days)
        self._deliver = DeliverWebhooks(database, box, webhook_client(settings), clock, keep)

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it: nothing, since it concerns programs of others."""
        return []

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        yield (
            "netbilld_webhook_attempts_total",
            "counter",
            "Events sent to webhooks, by what came of it.",
            [(f'{{result="{result}"}}', count) for result, count in sorted(self._deliver.counts.items())],
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {
            "webhook events": partial(every, LOOK_SECONDS, self._queue.run),
            "webhooks": self._send,
            "webhook log": partial(every, PRUNE_SECONDS, self._deliver.prune),
        }

    async def _send(self) -> None:
        while True:
            if not await self._deliver.run():
                await asyncio.sleep(LOOK_SECONDS)


def webhook_client(settings: Settings) -> WebhookClient:
    """Return what sends events, as the settings allow."""
    wanted = settings.webhooks
    return WebhookClient(allow_private=wanted.allow_private, timeout_seconds=wanted.timeout_seconds)
