"""The PDF that goes with the message of a bill."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.ports.messages import Attachment
from netbilld.ports.outbox import MessageKind
from netbilld.services.send_messages import Attach

LARGEST_OCTETS: Final = 4 * 1024 * 1024  # what the least of the messengers carries
logger = logging.getLogger("netbilld.messages")


def attach_of(settings: Settings, database: Database, box: SecretBox) -> Attach | None:
    """Return what draws the document that a message is about; None where none is to go with any."""
    if not settings.messengers.invoice_pdf:
        return None
    printing = LatePrinting(settings, database, box)

    async def attach(kind: MessageKind, context: Mapping[str, Any], locale: str, now: datetime) -> Attachment | None:
        if kind is not MessageKind.INVOICE_ISSUED:
            return None
        try:
            file = await printing.invoice(str(context["number"]), now, locale)
        except StoreUnavailableError:
            raise
        except NetbilldError as error:  # the words go without it, and have a link
            logger.warning("no PDF goes with %s: %s", context["number"], error, extra={"event": "no_attachment"})
            return None
        except Exception:  # what nobody foresaw of one document must not keep every message of its driver waiting
            logger.exception("no PDF goes with %s", context["number"], extra={"event": "no_attachment"})
            return None
        return Attachment(file.name, file.octets) if len(file.octets) <= LARGEST_OCTETS else None

    return attach
