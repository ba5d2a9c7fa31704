"""From settings to what the pages about messages are handed."""

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.messaging import templates_of
from netbilld.daemon.messenger_drivers import ways_of
from netbilld.daemon.settings import Settings
from netbilld.panel.message_parts import MessageParts
from netbilld.services.answer_by_hand import AnswerByHand
from netbilld.services.link_staff import LinkStaff
from netbilld.services.manage_messages import ManageMessages
from netbilld.services.message_texts import MessageTexts
from netbilld.services.prefer_channels import PreferChannels


def message_parts(settings: Settings, database: Database, box: SecretBox) -> MessageParts:
    """Return what they are handed; the words they show have no codes in them."""
    words, telegram = templates_of(settings), settings.messengers.telegram
    ways = ways_of(settings, SystemClock())
    for way in ways:
        way.driver.close()  # the pages send nothing
    return MessageParts(
        store=database,
        manage=ManageMessages(database),
        texts=MessageTexts(database, words),
        words=words,
        drivers={way.name: way.channel for way in ways},
        known={
            "business_name": settings.business_name,
            "portal_url": settings.portal.public_url,
            "pay_url": settings.portal.public_url,
        },
        locale=settings.locale,
        by_hand=AnswerByHand(database),
        prefer=PreferChannels(database),
        asks_approval=frozenset(way.name for way in ways if way.asks_approval),
        link=LinkStaff(database, box, SystemClock()) if telegram is not None else None,
        bot=telegram.bot if telegram is not None else None,
    )
