"""Double entry: an entry is balanced when it is made, or it is not made."""

from dataclasses import dataclass

from netbilld.billing.chart import Account, Side


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry; the amount is positive, the side says the direction."""

    account: Account
    side: Side
    amount_minor: int

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise ValueError(f"posting to {self.account.code}: {self.amount_minor} is not positive")

    @property
    def change_minor(self) -> int:
        """Return what the posting adds to its account's balance, on the account's normal side."""
        return self.amount_minor if self.side is self.account.kind.normal_side else -self.amount_minor


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What a document does to the books; debits equal credits by construction.

    Raises:
        ValueError: fewer than two postings, or debits and credits differ.
    """

    kind: str  # invoice_issued, payment_received, wallet_applied, usage_charged, renewal_charged
    document: str  # invoice, payment, service
    document_id: str
    memo: str
    currency: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        debit_minor = sum(posting.amount_minor for posting in self.postings if posting.side is Side.DEBIT)
        credit_minor = sum(posting.amount_minor for posting in self.postings if posting.side is Side.CREDIT)
        if len(self.postings) < 2 or debit_minor != credit_minor:
            raise ValueError(f"entry {self.kind} of {self.document} {self.document_id}: {debit_minor} ≠ {credit_minor}")


def reversal(entry: LedgerEntry, memo: str) -> LedgerEntry:
    """Return the entry that undoes `entry`: the same accounts and amounts with the sides exchanged."""
    turned = tuple(Posting(part.account, part.side.opposite, part.amount_minor) for part in entry.postings)
    return LedgerEntry(f"{entry.kind}_reversed", entry.document, entry.document_id, memo, entry.currency, turned)
