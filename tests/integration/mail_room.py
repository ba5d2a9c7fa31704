"""Where messages to subscribers go in tests: the shipped texts, and a driver that only keeps them."""

from pathlib import Path

from netbilld.adapters.message_templates import MessageTemplates
from netbilld.panel.assets import web_directory
from netbilld.ports.messages import Delivery, Driver, Handed, Outgoing
from netbilld.services.route_messages import Pace, Way
from tests.integration.money_world import ZONE


class Recorder:
    """A driver that delivers into a list, or answers what it is told to."""

    channel = "email"

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.answers: list[Handed] = []

    async def send(self, message: Outgoing) -> Handed:
        answer = self.answers.pop(0) if self.answers else Handed(Delivery.ACCEPTED, "250 ok")
        if answer.delivery is Delivery.ACCEPTED:
            self.sent.append(message)
        return answer

    async def rest(self) -> None: ...

    def close(self) -> None: ...


def templates(own: Path | None = None) -> MessageTemplates:
    """Return the texts of messages; those of a directory of one's own go before."""
    return MessageTemplates(web_directory() / "templates" / "mail", own, timezone=ZONE)


def way(driver: Driver, per_minute: int = 60, name: str | None = None) -> Way:
    """Return a driver as the sender is handed it."""
    return Way(name or driver.channel, driver, Pace(60 / per_minute))
