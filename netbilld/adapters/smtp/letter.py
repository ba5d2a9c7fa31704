"""A message as an e-mail: headers that can't be broken out of, text in UTF-8."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from netbilld.model.errors import InvalidInputError
from netbilld.ports.messages import Outgoing

_SEVEN_BITS: Final = SMTP.clone(cte_type="7bit")  # not every server takes eight
_LONGEST_NAME: Final = 100
_LONGEST_SUBJECT: Final = 200


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom e-mails come from."""

    address: str
    name: str
    reply_to: str | None = None


def letter(message: Outgoing, sender: Sender, sent_at: datetime) -> EmailMessage:
    """Return the e-mail; a name or subject with line breaks loses them, since a header ends with its line.

    Raises:
        InvalidInputError: the address has letters outside ASCII, which not every mail server takes (RFC 6531).
    """
    mail = EmailMessage(policy=_SEVEN_BITS)
    mail["From"] = _address(sender.name, sender.address)
    mail["To"] = _address(message.to_name, message.to)
    mail["Subject"] = _one_line(message.subject)[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(sent_at)
    mail["Message-ID"] = message.message_id
    if sender.reply_to is not None:
        mail["Reply-To"] = _address("", sender.reply_to)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(message.text)
    if (attached := message.attachment) is not None:
        mail.add_attachment(attached.octets, maintype="application", subtype="pdf", filename=attached.name)
    return mail


def _address(name: str, address: str) -> Address:
    if not address.isascii():
        raise InvalidInputError(f"e-mail address {address!r} has letters outside ASCII", code="bad_email")
    try:
        return Address(_one_line(name)[:_LONGEST_NAME], addr_spec=address)
    except (ValueError, IndexError):
        raise InvalidInputError(f"e-mail address {address!r} can't be written to", code="bad_email") from None


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
