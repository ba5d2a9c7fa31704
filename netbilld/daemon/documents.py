"""From settings to documents on paper: letterhead, brands of resellers, languages, fonts, where files are kept."""

import asyncio
import multiprocessing
import tomllib
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from netbilld.billing.stamp_duty import StampDutyRule
from netbilld.billing.tax import TaxRule
from netbilld.daemon.settings import BrandSettings, Settings
from netbilld.daemon.taxes import stamp_duty_rules, tax_policy
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.document_codes import Box
from netbilld.services.document_words import document_words
from netbilld.services.print_documents import PrintDocuments, PrintedFile, Store
from netbilld.services.printed_document import Letterhead

FEW: Final = 20  # fewer are drawn before another process would have begun


class DocumentStyle:
    """How the provider's documents look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.rules: tuple[TaxRule, ...] = tax_policy(settings).rules
        self.duty_rules: tuple[StampDutyRule, ...] = stamp_duty_rules(settings)
        self._words: dict[str, dict[str, str]] = {}

    def letterhead(self, area: str | None) -> Letterhead:
        """Return who issues documents to subscribers of an area: the reseller with the longest area, else ourselves."""
        settings, documents = self._settings, self._settings.documents
        brand = _brand(documents.brands, area)
        address = brand.address if brand and brand.address else documents.address
        return Letterhead(
            name=brand.name if brand else settings.business_name,
            carried_by=settings.business_name if brand else None,
            address=tuple(line.strip() for line in address.splitlines() if line.strip()),
            contact=documents.contact,
            tax_id=settings.tax.tin if settings.tax.is_pkp else None,
            logo=(brand.logo if brand and brand.logo else documents.logo),
            pay_to=documents.pay_to,
            footer=documents.footer,
            public_url=settings.portal.public_url,
            is_paid_by_phone=settings.gateways.is_any or settings.payments.qris is not None,
            qris=settings.payments.qris,
        )

    def locale(self, subscriber_locale: str | None) -> str:
        """Return the language of a subscriber's documents."""
        return self._settings.documents.locale or subscriber_locale or self._settings.locale

    def words(self, locale: str) -> dict[str, str]:
        """Return the words of a language, the file's over the built-in ones."""
        if locale not in self._words:
            path = self._settings.documents.words
            self._words[locale] = document_words(locale, _read_words(path) if path else None)
        return self._words[locale]


def print_documents(settings: Settings, store: Store, box: Box, executor: Executor | None = None) -> PrintDocuments:
    """Return what prints documents, as the settings say; `executor` is where they are drawn, None: a thread."""
    from netbilld.adapters.documents.fonts import FontFiles  # noqa: PLC0415 - only who prints waits for its library
    from netbilld.adapters.documents.renderer import Renderer  # noqa: PLC0415 - likewise

    files = FontFiles(settings.documents.font, settings.documents.font_bold)
    kept = settings.data_dir / "documents" / "pdf"
    renderer = Renderer(kept, files, executor, keep_days=settings.documents.keep_days)
    return PrintDocuments(store, box, DocumentStyle(settings), renderer)


class LatePrinting:
    """Prints documents for the portal; what draws them is loaded when the first is asked for."""

    def __init__(self, settings: Settings, store: Store, box: Box) -> None:
        self._settings, self._store, self._box = settings, store, box
        self._printing: PrintDocuments | None = None
        self._lot = asyncio.Lock()

    async def invoice(self, number: str, now: datetime, locale: str | None = None) -> PrintedFile:
        """Return an issued invoice as PDF; see PrintDocuments."""
        return await (await self._loaded()).invoice(number, now, locale)

    async def receipt(self, text: str, now: datetime, locale: str | None = None) -> PrintedFile:
        """Return the receipt of a payment as PDF; see PrintDocuments."""
        return await (await self._loaded()).receipt(text, now, locale)

    async def together(self, ids: Sequence[UUID], now: datetime) -> bytes:
        """Return some issued documents as one PDF; many are drawn by a process of their own, one lot at a time.

        Raises:
            RefusedError: somebody else's lot is being drawn.
        """
        documents = await (await self._loaded()).pages(ids, now)
        from netbilld.adapters.documents.fonts import FontFiles  # noqa: PLC0415 - as print_documents
        from netbilld.adapters.documents.renderer import Renderer  # noqa: PLC0415 - likewise

        printed = self._settings.documents
        renderer = Renderer(self._settings.data_dir / "documents" / "pdf", FontFiles(printed.font, printed.font_bold))
        if len(documents) <= FEW:
            return await renderer.together(documents, None)
        if self._lot.locked():
            raise RefusedError("another lot of documents is being printed", hint="try again in a minute", code="busy")
        async with self._lot:
            # a process of its own imports the library anew: forking one with threads and connections is not safe
            executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            try:
                return await renderer.together(documents, executor)
            finally:
                executor.shutdown(wait=False)

    async def has_receipt(self, payment_id: UUID) -> bool:
        """Tell whether there is a receipt of a payment to print."""
        async with self._store.read() as work:
            paid = await work.documents.payment(str(payment_id))
        return paid is not None and paid.receipt_no is not None and not paid.is_reversed

    async def _loaded(self) -> PrintDocuments:
        if self._printing is None:
            self._printing = await asyncio.to_thread(print_documents, self._settings, self._store, self._box)
        return self._printing


def _brand(brands: tuple[BrandSettings, ...], area: str | None) -> BrandSettings | None:
    if not area:
        return None
    covering = [one for one in brands if area == one.area or area.startswith(f"{one.area}/")]
    return max(covering, key=lambda one: len(one.area), default=None)


@cache
def _read_words(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} can't be read: {error}", hint="settings: documents.words") from None
