"""What is wrong with netbilld itself, or with an order to a NAS, said to staff in their language.

The daemon says it in English, as in its log and at /readyz; here are the sentences that staff meet. One that is not
here is shown as it was said, and marked as English.
"""

import re
from collections.abc import Callable
from typing import Final

from markupsafe import Markup, escape

from netbilld.panel.words import N_

_AWAY: Final = "the database is away: log-ins are answered by "
_CLOSED: Final = "; plans that fail closed let nobody in"
_SAID: Final[tuple[tuple[str, str], ...]] = (
    (r"RADIUS is not answered yet", N_("RADIUS is not answered yet.")),
    (r"it is being started", N_("It is being started.")),
    (
        r"authentication process (?P<numbers>.+) is being started",
        N_("Authentication process %(numbers)s is being started."),
    ),
    (
        r"accounting can't be made durable: (?P<trouble>.+)",
        N_("Accounting can't be written to the disk, so it is not answered: %(trouble)s"),
    ),
    (
        r"(?P<count>\d+) messages to subscribers wait and nobody delivers them: set smtp\.host or one of messengers",
        N_("%(count)s messages to subscribers wait and nobody delivers them: set smtp.host or a messenger."),
    ),
    (
        r"(?P<count>\d+) callbacks of payment gateways wait for a person; see `netbilld gateway inbox`",
        N_("%(count)s callbacks of payment gateways wait for a person: open Gateways, What came."),
    ),
    (r"messages to subscribers wait: (?P<trouble>.+)", N_("Messages to subscribers wait: %(trouble)s")),
    (
        r"(?P<count>\d+) reports can't be true and are not billed: see `netbilld usage doubts`",
        N_("%(count)s reports can't be true and are not billed: see `netbilld usage doubts`."),
    ),
    (r"not terminated for arrears: (?P<who>.+)", N_("Not terminated for arrears: %(who)s")),
    (
        r"the books do not hold: (?P<check>[^:]+): (?P<detail>.+); see `netbilld ledger check`",
        N_("The books do not hold: %(check)s: %(detail)s. See `netbilld ledger check`."),
    ),
    (
        r"delivered is not billed: (?P<check>[^:]+): (?P<detail>.+); see `netbilld ledger services`",
        N_("What is delivered is not what is billed: %(check)s: %(detail)s. See `netbilld ledger services`."),
    ),
    (
        r"(?P<count>\d+) sums of usage of (?P<day>\S+) differ from what they are made of: see (?P<asked>`.+`)",
        N_("%(count)s sums of usage of %(day)s differ from what they are made of: see %(asked)s."),
    ),
    (
        r"the accounting journal is damaged: (?P<octets>\d+) octets could not be read, (?P<missing>\d+) segments .+",
        N_("The accounting journal is damaged: %(octets)s octets can't be read, %(missing)s segments are missing."),
    ),
    (r"snapshot: (?P<trouble>.+)", N_("The snapshot for log-ins can't be kept: %(trouble)s")),
    (
        _AWAY + r"the snapshot of (?P<at>[^;]+), (?P<minutes>\d+) min old",
        N_("The database is away: log-ins are answered by the snapshot of %(at)s, %(minutes)s minutes old."),
    ),
    (
        _AWAY + r"the snapshot of (?P<at>[^;]+), (?P<minutes>\d+) min old" + _CLOSED,
        N_("The database is away, the snapshot of %(at)s is %(minutes)s minutes old: plans that fail closed are shut."),
    ),
    (
        _AWAY + r"what was known at (?P<at>[^;]+)",
        N_("The database is away: log-ins are answered by what was known at %(at)s."),
    ),
    (
        _AWAY + r"what was known at (?P<at>[^;]+)" + _CLOSED,
        N_("The database is away, what is known is of %(at)s: plans that fail closed are shut."),
    ),
    (
        r"the server certificate can't be renewed: (?P<trouble>.+)",
        N_("The server certificate can't be renewed: %(trouble)s"),
    ),
    (r"RadSec is not started: (?P<trouble>.+)", N_("RadSec is not started: %(trouble)s")),
    (
        r"clock: (?P<ahead>\S+) s against the database's; see that both follow a time server",
        N_("Our clock is %(ahead)s s off the database's: see that both follow a time server."),
    ),
)
# what is on record of an order that a NAS did not take
_ORDERS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"no answer from (?P<nas>\S+) after (?P<tries>\d+) tries",
        N_("no answer from %(nas)s after %(tries)s tries"),
    ),
    (r"no answer from (?P<nas>\S+) over RadSec", N_("no answer from %(nas)s over RadSec")),
    (r"no answer from (?P<nas>\S+)", N_("no answer from %(nas)s")),
    (r"no answer", N_("no answer")),
    (r"its NAS answers no order", N_("its NAS answers no order")),
    (r"no effect was seen", N_("no effect was seen")),
    (r"256 orders are under way at this NAS", N_("256 orders are under way at this NAS")),
    (r"the order can't be sent: (?P<trouble>.+)", N_("the order can't be sent: %(trouble)s")),
    (r"refused by (?P<nas>\S+): (?P<trouble>.+)", N_("refused by %(nas)s: %(trouble)s")),
)
_WANTED: Final = re.compile(r"(?P<access>active|throttled|walled|blocked): (?P<rest>.+)", re.DOTALL)
_PATTERNS: Final = tuple((re.compile(pattern, re.DOTALL), words) for pattern, words in (*_SAID, *_ORDERS))


def trouble_words(trouble: str, say: Callable[..., str]) -> tuple[str, bool]:
    """Return a trouble in the reader's language, and whether it is; `say` looks a message up and fills it in."""
    for pattern, words in _PATTERNS:
        if found := pattern.fullmatch(trouble):
            return say(words, **found.groupdict()), True
    return trouble, False


def said(text: str, say: Callable[..., str], word: Callable[[str], str]) -> Markup:
    """Return a trouble for a page: in the reader's language, or as it was said and marked as English.

    Args:
        text: what is on record.
        say: looks a message up and fills it in.
        word: what an access is called.
    """
    found = _WANTED.fullmatch(text)
    before = f"{word(found['access'])}: " if found else ""
    words, is_read = trouble_words(found["rest"] if found else text, say)
    return escape(before + words) if is_read else Markup('<span lang="en">{}</span>').format(text)
