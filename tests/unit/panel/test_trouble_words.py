"""What the daemon says of itself in English is said to staff in their language, with the same figures."""

from types import SimpleNamespace
from typing import Any

import pytest

from netbilld.daemon.messaging import Messaging
from netbilld.panel.trouble_words import _ORDERS, _SAID, trouble_words
from netbilld.panel.trouble_words import said as said_of


def said(message: str, **values: object) -> str:
    return message % values


def test_waiting_messages_are_told_as_the_daemon_counts_them() -> None:
    messaging: Any = SimpleNamespace(send=SimpleNamespace(trouble=None), _ways=(), _figures=({"queued": 3}, 0.0))
    (notice,) = Messaging.notices.fget(messaging)  # type: ignore[attr-defined]
    words, is_read = trouble_words(notice, said)
    assert is_read
    assert words.startswith("3 messages")


@pytest.mark.parametrize(
    "trouble",
    [
        "RADIUS is not answered yet",
        "authentication process 2, 3 is being started",
        "accounting can't be made durable: no space left on device",
        "messages to subscribers wait: 535 authentication failed",
        "7 reports can't be true and are not billed: see `netbilld usage doubts`",
        "the books do not hold: debits equal credits: 10 against 9; see `netbilld ledger check`",
        "3 sums of usage of 2026-11-22 differ from what they are made of: see `netbilld usage check --from 2026-11-22`",
        "the accounting journal is damaged: 12 octets could not be read, 0 segments are missing",
        "the database is away: log-ins are answered by what was known at 12.00; plans that fail closed let nobody in",
        "clock: +2.4 s against the database's; see that both follow a time server",
    ],
)
def test_what_staff_meet_is_known(trouble: str) -> None:
    words, is_read = trouble_words(trouble, said)
    assert is_read
    assert words != trouble


def test_what_is_not_known_stays_as_it_was_said() -> None:
    assert trouble_words("something: else", said) == ("something: else", False)


def test_what_an_order_came_to_is_said_with_what_was_due() -> None:
    told = said_of("walled: no answer from pop1 after 3 tries", said, lambda access: access.upper())
    assert told == "WALLED: no answer from pop1 after 3 tries"
    strange = said_of("<b>strange</b>", said, str)
    assert strange == '<span lang="en">&lt;b&gt;strange&lt;/b&gt;</span>'


def test_every_sentence_names_what_its_pattern_finds() -> None:
    for pattern, words in (*_SAID, *_ORDERS):
        named = {part.partition(")")[0] for part in words.split("%(")[1:]}
        assert named <= {part.partition(">")[0] for part in pattern.split("(?P<")[1:]}, words
