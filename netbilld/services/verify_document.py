"""Whether a document on paper is genuine, by the code on it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from netbilld.services.document_codes import Box, CodedFacts, is_genuine, split_code


class Known(Protocol):
    @property
    def facts(self) -> CodedFacts: ...
    @property
    def status(self) -> str: ...
    @property
    def payer_name(self) -> str: ...


class Documents(Protocol):
    async def known(self, number: str) -> Known | None: ...


class Work(Protocol):
    @property
    def documents(self) -> Documents: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class GenuineDocument:
    """What a genuine document says, for who holds the paper to compare; of the name only the beginning.

    Attributes:
        kind: `invoice`, `credit_note` or `receipt`.
        status: of an invoice as invoices have it; `received` or `reversed` of a receipt.
    """

    facts: CodedFacts
    status: str
    payer: str


class VerifyDocument:
    """Compares a code with the document that has its number."""

    def __init__(self, store: Store, box: Box) -> None:
        self._store, self._box = store, box

    async def check(self, code: str) -> GenuineDocument | None:
        """Return what the document says; None where the code is not of any of ours, whyever."""
        parts = split_code(code)
        if parts is None:
            return None
        number, mark = parts
        async with self._store.read() as work:
            known = await work.documents.known(number)
        if known is None or not is_genuine(self._box, known.facts, mark):
            return None
        return GenuineDocument(known.facts, known.status, masked_name(known.payer_name))


def masked_name(name: str) -> str:
    """Return a name by which its owner knows it again: `Si•••`."""
    return f"{name[:2]}•••"
