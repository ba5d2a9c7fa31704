"""Whose money it is: a subscriber named in a body, by the name that services find them by."""

from netbilld.panel.api.call import Call
from netbilld.panel.api.problem import FieldProblem, invalid
from netbilld.services.api_views import SubscriberRow


async def payer_of(call: Call, number: str, field: str = "subscriber_no") -> str:
    """Return the name that payments and invoices of a subscriber go by.

    A user name where there is one: another's user name may look like a subscriber number, and would come first.

    Raises:
        Problem: there is no such subscriber, or the token can't see them.
    """
    async with call.parts.database.read() as work:
        row: SubscriberRow | None = await work.api_reads.subscriber(number)
        name: str | None = await work.api_reads.payer_name(row.id) if row is not None else None
    if row is None or not call.areas.include(row.area):
        raise invalid([FieldProblem(field=field, code="not_found", message=f"no subscriber has the number {number}")])
    return name or number
