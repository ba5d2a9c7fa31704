"""Bank statements: what came in, who it may be from, and whose it is."""

import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, model_validator

from netbilld.billing.bank_matching import Proposal
from netbilld.billing.bank_statement import BadRow
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import BANK_ROW, Answer, Endpoint
from netbilld.panel.api.invoices import SubscriberNo
from netbilld.panel.api.paging import offset_cursor, offset_of
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Page, Query, Shape, Why, Word
from netbilld.services.match_bank_rows import RowStatus, StoredRow

LONGEST_STATEMENT: Final = 60_000
_MOST_BAD: Final = 200

Status = Literal["open", "matched", "ignored"]


class ProposalDocument(Shape):
    """Who a row may be from."""

    reason: str
    subscriber_no: str
    subscriber_name: str
    invoice: str | None
    payment_id: UUID | None = Field(description="The payment that it is, where that is on record.")
    sure: bool


class BankRowDocument(Shape):
    """Money that came in by a statement."""

    id: int
    account: str
    method: str
    booked_on: Day
    amount: Amount
    currency: str
    text: str
    reference: str | None
    file_name: str
    line: int
    imported_at: Moment
    status: Status
    payment_id: UUID | None
    reason: str
    decided_at: Moment | None
    decided_by: str | None
    proposals: list[ProposalDocument] = Field(description="Of an open row, the surest first.")


class BankRowPage(Page):
    items: list[BankRowDocument]
    total: int


class BankRowQuery(Query):
    status: Status | None = "open"
    search: Word | None = Field(default=None, description="Part of the text or reference, or the whole amount.")
    cursor: str | None = Field(default=None, max_length=400, description="`next_cursor` of the page before.")


class StatementBody(Asked):
    """A bank's file, or a part of it with its headings; what is on record already is not taken in again."""

    mapping: Word = Field(description="How the bank writes it: `netbilld bank mapping` lists them.")
    file_name: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_STATEMENT, description="The CSV file.")]
    dry_run: bool = Field(default=False, description="Only tell.")


class BadRowDocument(Shape):
    line: int
    reason: str


class StatementDocument(Shape):
    """What a file brought."""

    rows: int
    imported: int
    known: int = Field(description="That were on record already.")
    outgoing: int = Field(description="Money that went out is not kept.")
    rejected: int
    matched: int = Field(description="Of the new ones, those that became payments at once.")
    bad_rows: list[BadRowDocument] = Field(description="The first two hundred.")


class MatchBody(Asked):
    """Whose it is: exactly one of these, or none where a proposal is sure."""

    subscriber_no: SubscriberNo | None = None
    invoice: Word | None = None
    payment: Word | None = Field(default=None, description="A payment that is on record already: id or receipt number.")

    @model_validator(mode="after")
    def _one(self) -> "MatchBody":
        if sum(one is not None for one in (self.subscriber_no, self.invoice, self.payment)) > 1:
            raise ValueError("name one of subscriber_no, invoice and payment")
        return self


class DecideBody(Asked):
    why: Why


async def show_list(call: Call) -> Answer:
    """GET /bank-rows."""
    query = call.query(BankRowQuery)
    offset = offset_of(query.cursor)
    async with call.parts.database.read() as work:
        found = await work.money_views.bank_page(query.status or "", query.search or "", offset)
    waiting = [row for row in found.lines if row.status is RowStatus.OPEN]
    proposed = await call.parts.money.match_bank_rows.proposals(waiting, call.now)
    items = [_document(row, proposed.get(row.id, ()), call) for row in found.lines]
    return Answer(BankRowPage(items=items, total=found.total, next_cursor=offset_cursor(offset, items, found.total)))


async def bring(call: Call) -> Answer:
    """POST /bank-statements."""
    body = call.body(StatementBody)
    bad: list[BadRow] = []
    done = await call.parts.money.import_bank_statement.run(
        io.StringIO(body.text, newline="").readlines(),
        body.mapping,
        file_name=body.file_name,
        reject=bad.append,
        actor=call.actor,
        now=call.now,
        dry_run=body.dry_run,
    )
    if done.matched:
        await call.parts.nudge()
    document = StatementDocument(
        rows=done.rows,
        imported=done.imported,
        known=done.known,
        outgoing=done.outgoing,
        rejected=done.rejected,
        matched=len(done.matched),
        bad_rows=[BadRowDocument(line=row.line, reason=row.reason) for row in bad[:_MOST_BAD]],
    )
    return Answer(document)


async def match(call: Call) -> Answer:
    """POST /bank-rows/{row}/match."""
    body = call.body(MatchBody)
    to = await payer_of(call, body.subscriber_no) if body.subscriber_no is not None else None
    await call.parts.money.match_bank_rows.match(
        _row_id(call), to=to, invoice=body.invoice, payment=body.payment, actor=call.actor, now=call.now
    )
    return await _decided(call)


async def ignore(call: Call) -> Answer:
    """POST /bank-rows/{row}/ignore."""
    why = call.body(DecideBody).why
    await call.parts.money.match_bank_rows.ignore(_row_id(call), because=why, actor=call.actor, now=call.now)
    return await _decided(call)


async def undo(call: Call) -> Answer:
    """POST /bank-rows/{row}/undo."""
    why = call.body(DecideBody).why
    await call.parts.money.match_bank_rows.undo(_row_id(call), because=why, actor=call.actor, now=call.now)
    return await _decided(call)


async def _decided(call: Call) -> Answer:
    await call.parts.nudge()
    async with call.parts.database.read() as work:
        row = await work.bank.find(_row_id(call))
    return Answer(_document(row, (), call))


def _row_id(call: Call) -> int:
    return int(call.params["row"])


def _document(row: StoredRow, proposed: Sequence[Proposal], call: Call) -> BankRowDocument:
    return BankRowDocument(
        id=row.id,
        account=row.account,
        method=row.method,
        booked_on=row.booked_on,
        amount=row.amount_minor,
        currency=row.currency,
        text=row.text,
        reference=row.reference,
        file_name=row.file_name,
        line=row.line,
        imported_at=call.local(row.imported_at),
        status=row.status.value,
        payment_id=row.payment_id,
        reason=row.reason,
        decided_at=call.local_or_none(row.decided_at),
        decided_by=row.decided_by,
        proposals=[
            ProposalDocument(
                reason=one.reason.name.lower(),
                subscriber_no=one.subscriber_no,
                subscriber_name=one.subscriber_name,
                invoice=one.invoice,
                payment_id=one.payment_id,
                sure=one.is_sure,
            )
            for one in proposed
        ],
    )


_TAG: Final = "Bank statements"


Handler = Callable[[Call], Awaitable[Answer]]


def _action(name: str, word: str, says: str, body: type[Asked], handler: Handler) -> Endpoint:
    return Endpoint(
        name=name,
        method="POST",
        path=f"/bank-rows/{{row}}/{word}",
        params=(BANK_ROW,),
        tag=_TAG,
        says=says,
        handler=handler,
        scope=Permission.EDIT_MONEY,
        body=body,
        gives=BankRowDocument,
        conflicts=True,
    )


ENDPOINTS: Final = (
    Endpoint(
        name="listBankRows",
        method="GET",
        path="/bank-rows",
        tag=_TAG,
        says="List what came in by bank statements, with who it may be from",
        more="The newest day first; open rows unless `status` says otherwise. Fifty at a time.",
        handler=show_list,
        scope=Permission.EDIT_MONEY,
        query=BankRowQuery,
        gives=BankRowPage,
    ),
    Endpoint(
        name="importStatement",
        method="POST",
        path="/bank-statements",
        tag=_TAG,
        says="Take in a bank's file",
        handler=bring,
        scope=Permission.EDIT_MONEY,
        body=StatementBody,
        gives=StatementDocument,
        conflicts=True,
    ),
    _action("matchBankRow", "match", "Make a payment of a row, or say which it is", MatchBody, match),
    _action("ignoreBankRow", "ignore", "Say that a row is no subscriber's payment", DecideBody, ignore),
    _action("undoBankRow", "undo", "Take back what was decided; a payment made of it is reversed", DecideBody, undo),
)
