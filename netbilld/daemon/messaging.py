"""Messages to subscribers in the running daemon: sent from the outbox on one node, and how that goes."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.message_templates import MessageTemplates
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.attachments import attach_of
from netbilld.daemon.complaints import complaint_parts
from netbilld.daemon.messenger_drivers import pictures_of, ways_of
from netbilld.daemon.policies import sending_policy
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import tax_policy
from netbilld.panel.assets import web_directory
from netbilld.services.answer_chats import AnswerChats
from netbilld.services.chat_answers import Answers
from netbilld.services.follow_messengers import FollowMessengers
from netbilld.services.link_staff import LinkStaff
from netbilld.services.login_codes import opened_context
from netbilld.services.message_lane import OK
from netbilld.services.send_messages import SendMessages
from netbilld.services.show_account import ShowAccount

LOOK_SECONDS: Final = 2.0  # nothing to send
FIGURES_SECONDS: Final = 15.0
LISTEN_SECONDS: Final = 0.5
PRUNE_SECONDS: Final = 3600.0
logger = logging.getLogger("netbilld.messages")


class Messaging:
    """Everything of the daemon that concerns the outbox."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock, box: SecretBox) -> None:
        self._database, self._clock = database, clock
        self._ways = ways_of(settings, clock)
        self._templates = templates_of(settings, box)
        self.send: Final = SendMessages(
            database,
            self._ways,
            self._templates,
            sending_policy(settings, box),
            clock,
            asyncio.sleep,
            chance,
            attach_of(settings, database, box),
        )
        answers = Answers(
            database,
            ShowAccount(database, tax_policy(settings)),
            complaint_parts(settings, database).file,
            pictures_of(settings).fetch,
            settings.timezone,
        )
        answer = AnswerChats(database, answers, box, entropy, clock, settings.business_name)
        staff = LinkStaff(database, box, clock)
        self._follow = FollowMessengers(database, clock, answer.run, staff.run)
        self._keep = timedelta(days=settings.messengers.keep_days)
        self._figures: tuple[dict[str, int], float] = {}, 0.0
        self._told: str | None = None
        self.calls: Callable[[], Mapping[tuple[str, str], int]] = dict  # of webhooks, which pages take

    @property
    def notices(self) -> list[str]:
        """Return what /readyz says of it."""
        waiting = sum(self._figures[0].get(state, 0) for state in ("queued", "failed"))
        if self.send.trouble is not None:
            return [f"messages to subscribers wait: {self.send.trouble}"]
        if not self._ways and waiting:
            said = "nobody delivers them: set smtp.host or one of messengers"
            return [f"{waiting} messages to subscribers wait and {said}"]
        return []

    def families(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return what /metrics says of it."""
        states, oldest_seconds = self._figures
        yield (
            "netbilld_outbox_messages",
            "gauge",
            "Messages to subscribers by state; those that are over, of the last seven days.",
            [(f'{{state="{state}"}}', count) for state, count in sorted(states.items())],
        )
        yield (
            "netbilld_messenger_up",
            "gauge",
            "Whether messages go out by a driver: 1, or 0 while it is paused, refused or switched off.",
            [(f'{{driver="{name}"}}', float(lane.state == OK)) for name, lane in sorted(self.send.lanes.items())],
        )
        yield (
            "netbilld_messenger_calls_total",
            "counter",
            "Calls of messengers' webhooks, by driver and what was answered: taken, refused, unknown.",
            [
                (f'{{driver="{name}",answer="{answer}"}}', float(count))
                for (name, answer), count in sorted(self.calls().items())
            ],
        )
        yield (
            "netbilld_outbox_oldest_seconds",
            "gauge",
            "How long a message that is due has waited.",
            [("", oldest_seconds)],
        )
        yield (
            "netbilld_outbox_handed_total",
            "counter",
            "Messages handed over, by channel and what came of it.",
            [
                (f'{{channel="{channel}",result="{result}"}}', count)
                for (channel, result), count in sorted(self.send.counts.items())
            ],
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {
            "messages": self._send,
            "message figures": self._count,
            "messengers": self._listen,
            "messenger log": partial(every, PRUNE_SECONDS, self._prune),
        }

    async def _listen(self) -> None:
        while True:
            if not await self._follow.run():
                await asyncio.sleep(LISTEN_SECONDS)

    async def _prune(self) -> None:
        async with self._database.write() as work:
            now = self._clock.now()
            await work.messengers.prune_events(now - self._keep, now)

    async def _send(self) -> None:
        while True:
            async with self._database.read() as work:
                self._templates.use(await work.messengers.texts())
            done = await self.send.run()
            if self.send.trouble != self._told:
                self._told = self.send.trouble
                if self._told is None:
                    logger.warning("messages to subscribers go out again", extra={"event": "messages_recovered"})
                else:
                    logger.error("messages to subscribers wait: %s", self._told, extra={"event": "messages_wait"})
            if not done:
                await asyncio.sleep(LOOK_SECONDS)

    async def _count(self) -> None:
        while True:
            async with self._database.read() as work:
                states, oldest_seconds = await work.outbox.figures(self._clock.now())
            self._figures = dict(states), oldest_seconds
            await asyncio.sleep(FIGURES_SECONDS)

    def close(self) -> None:
        """Break off whatever is being sent: it is put on record as maybe sent."""
        for way in self._ways:
            way.driver.close()


def chance() -> float:
    """Return a number between 0 and 1 that nobody foresees."""
    return secrets.randbelow(1_000_000) / 1_000_000


def templates_of(settings: Settings, box: SecretBox | None = None) -> MessageTemplates:
    """Return what messages say; without the box what is sealed stays so, as for staff who look."""
    return MessageTemplates(
        web_directory() / "templates" / "mail",
        settings.messages.templates,
        timezone=settings.timezone,
        opens=partial(opened_context, box),
    )
