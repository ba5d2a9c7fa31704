"""The PDF that goes with a bill: where it can't be drawn, whatever the reason, the words go all the same."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from netbilld.daemon.attachments import attach_of
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NotFoundError, StoreUnavailableError
from netbilld.ports.messages import Attachment
from netbilld.ports.outbox import MessageKind
from netbilld.services.print_documents import PrintedFile

NOW: Final = datetime(2026, 1, 5, tzinfo=UTC)


async def _attached(monkeypatch: Any, comes: PrintedFile | Exception) -> Attachment | None:
    async def invoice(*_: Any) -> PrintedFile:
        if isinstance(comes, Exception):
            raise comes
        return comes

    monkeypatch.setattr(LatePrinting, "invoice", invoice)
    nothing: Any = None
    attach = attach_of(Settings(data_dir=Path("var"), messengers={"invoice_pdf": True}), nothing, nothing)
    assert attach is not None
    return await attach(MessageKind.INVOICE_ISSUED, {"number": "INV/1"}, "id", NOW)


async def test_a_bill_that_can_not_be_drawn_goes_without_its_document(monkeypatch: Any) -> None:
    assert await _attached(monkeypatch, PrintedFile("INV/1", b"%PDF")) == Attachment("INV-1.pdf", b"%PDF")
    for wrong in (NotFoundError("no invoice"), ZeroDivisionError()):
        assert await _attached(monkeypatch, wrong) is None


async def test_where_the_database_is_away_the_message_waits_for_it(monkeypatch: Any) -> None:
    with pytest.raises(StoreUnavailableError):
        await _attached(monkeypatch, StoreUnavailableError("away"))
