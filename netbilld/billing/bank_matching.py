"""Whose money a row of a bank's statement is: proposals with their reasons, the surest first."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Final
from uuid import UUID

SHORTEST_WORD: Final = 3
_LONGEST: Final = 60  # words of a text that are looked at
_MOST: Final = 10


class Reason(IntEnum):
    """Why a row may be somebody's; the lower, the surer."""

    CODE = 1  # its amount is an invoice's own
    RECORDED = 2  # a payment that is like it was recorded by hand
    INVOICE_NUMBER = 3  # its text names the invoice
    SUBSCRIBER_NUMBER = 4
    USERNAME = 5
    PHONE = 6
    NAME_AND_AMOUNT = 7
    EXPIRED_CODE = 8  # its amount was an invoice's own
    AMOUNT = 9  # one subscriber alone owes just that


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """An open invoice (or one that was, for an amount of its own), and whose it is."""

    number: str
    outstanding_minor: int
    due_on: date
    subscriber_no: str
    subscriber_name: str


@dataclass(frozen=True, slots=True)
class Owing:
    """Who owes just some amount.

    Attributes:
        only: the one that does, where no other subscriber does.
        by_word: all of them, by the first word of their names.
    """

    only: OpenDocument | None
    by_word: Mapping[str, Sequence[OpenDocument]]

    @classmethod
    def of(cls, documents: Sequence[OpenDocument]) -> "Owing":
        """Return these documents as they are looked for."""
        by_word: dict[str, list[OpenDocument]] = {}
        for document in documents:
            for word in _wanted(document.subscriber_name)[:1]:
                by_word.setdefault(word, []).append(document)
        is_one = len({document.subscriber_no for document in documents}) == 1
        return cls(documents[0] if is_one else None, by_word)

    def named(self, text: str) -> list[OpenDocument]:
        """Return those whose first two words of the name (or the only one) a text has; banks cut long names."""
        said = {plain(word) for word in re.split(r"[\s/,.;:*-]+", text)}
        maybe = (document for word in sorted(said) for document in self.by_word.get(word, ()))
        return [document for document in maybe if said.issuperset(_wanted(document.subscriber_name))]


NOBODY: Final = Owing(None, {})


@dataclass(frozen=True, slots=True)
class Known:
    """What of the database may concern some rows.

    Attributes:
        codes: by amount: the invoices that have it as their own, and whether they have it still.
        by_number: open invoices by their number without marks.
        people: (what is found in a text, why): subscriber numbers; texts in lower case.
        open_of: a subscriber's open invoices, by subscriber number.
        owing: by amount: who owes just that, on one invoice or on all.
        recorded: by amount: payments like it that no row is linked with: (payment id, subscriber number, day).
    """

    codes: Mapping[int, Sequence[tuple[OpenDocument, bool]]] = field(default_factory=dict)
    by_number: Mapping[str, OpenDocument] = field(default_factory=dict)
    people: Mapping[str, tuple[str, Reason]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    open_of: Mapping[str, Sequence[OpenDocument]] = field(default_factory=dict)
    owing: Mapping[int, Owing] = field(default_factory=dict)
    recorded: Mapping[int, Sequence[tuple[UUID, str, date]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row may be this subscriber's.

    Attributes:
        invoice: the invoice that it is for; None is as any payment of theirs.
        payment_id: the payment that it is, where that is on record already.
        is_sure: nothing else is proposed that is as good, and the amount fits what is owed.
    """

    reason: Reason
    subscriber_no: str
    subscriber_name: str
    invoice: str | None
    payment_id: UUID | None = None
    is_sure: bool = False


def tokens(text: str) -> set[str]:
    """Return what a text may name: its words, and neighbours run together, in lower case without marks."""
    words = [plain(word) for word in text.split()[:_LONGEST]]
    words = [word for word in words if word]
    found = set(words)
    for size in (2, 3):
        found |= {"".join(words[start : start + size]) for start in range(len(words) - size + 1)}
    found |= {word.casefold().strip(".,;:()[]'\"") for word in text.split()[:_LONGEST]}
    found |= {plain(part) for word in text.split()[:_LONGEST] for part in re.split(r"[/:;,*#|]", word)}
    return {word for word in found if len(word) > SHORTEST_WORD}


def plain(text: str) -> str:
    """Return letters and digits alone, in lower case."""
    return "".join(character for character in text.casefold() if character.isalnum())


def phone_forms(phone: str) -> set[str]:
    """Return how a phone number may stand in a text: 0812…, 62812…, 812…."""
    digits = "".join(character for character in phone if character.isdigit())
    local = digits.removeprefix("62").removeprefix("0")
    return {f"0{local}", f"62{local}"} if len(local) >= 8 else set()


def propose(amount_minor: int, text: str, booked_on: date, known: Known) -> list[Proposal]:
    """Return who a row may be from, the surest first, each subscriber once.

    Args:
        amount_minor: what came in.
        text: the bank's text with its reference.
        booked_on: when.
        known: what of the database may concern it.
    """
    found: list[Proposal] = []
    for document, is_open in known.codes.get(amount_minor, ()):
        reason = Reason.CODE if is_open else Reason.EXPIRED_CODE
        found.append(_of(document, reason, document.number if document.outstanding_minor > 0 else None))
    for payment_id, number, day in known.recorded.get(amount_minor, ()):
        if abs((day - booked_on).days) <= RECORDED_WITHIN_DAYS:
            found.append(Proposal(Reason.RECORDED, number, known.names.get(number, ""), None, payment_id))
    words = tokens(text)
    for word in words:
        if (named := known.by_number.get(word)) is not None:
            found.append(_of(named, Reason.INVOICE_NUMBER, named.number))
        if word in known.people:
            number, reason = known.people[word]
            theirs = [one for one in known.open_of.get(number, ()) if one.outstanding_minor == amount_minor]
            invoice = theirs[0].number if theirs else None
            found.append(Proposal(reason, number, known.names.get(number, ""), invoice))
    owing = known.owing.get(amount_minor, NOBODY)
    found += [_of(one, Reason.NAME_AND_AMOUNT, one.number) for one in owing.named(text)]
    if owing.only is not None:
        found.append(_of(owing.only, Reason.AMOUNT, owing.only.number))
    return _judged(found, amount_minor, known)[:_MOST]


RECORDED_WITHIN_DAYS: Final = 3
_AS_GOOD: Final = frozenset({Reason.INVOICE_NUMBER, Reason.SUBSCRIBER_NUMBER, Reason.USERNAME, Reason.PHONE})


def _judged(found: Iterable[Proposal], amount_minor: int, known: Known) -> list[Proposal]:
    best: dict[tuple[str, UUID | None], Proposal] = {}
    for one in sorted(found, key=lambda proposal: (proposal.reason, proposal.invoice or "")):
        best.setdefault((one.subscriber_no, one.payment_id), one)
    ranked = sorted(best.values(), key=lambda proposal: (proposal.reason, proposal.subscriber_no))
    if not ranked:
        return []
    first = ranked[0]
    named = [one for one in ranked if one.reason in _AS_GOOD]
    if first.reason is Reason.CODE:
        sure = sum(one.reason is Reason.CODE for one in ranked) == 1
    else:
        sure = first.reason in _AS_GOOD and len(named) == 1 and _fits(first, amount_minor, known)
    return [_sure(first) if sure else first, *ranked[1:]]


def _fits(one: Proposal, amount_minor: int, known: Known) -> bool:
    theirs = known.open_of.get(one.subscriber_no, ())
    return amount_minor in {document.outstanding_minor for document in theirs} or amount_minor == sum(
        document.outstanding_minor for document in theirs
    )


def _sure(one: Proposal) -> Proposal:
    return Proposal(one.reason, one.subscriber_no, one.subscriber_name, one.invoice, one.payment_id, is_sure=True)


def _of(document: OpenDocument, reason: Reason, invoice: str | None) -> Proposal:
    return Proposal(reason, document.subscriber_no, document.subscriber_name, invoice)


def _wanted(name: str) -> list[str]:
    words = (plain(word) for word in name.split())
    return [word for word in words if len(word) >= SHORTEST_WORD][:2]
