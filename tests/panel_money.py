"""What tests of the money pages share: bills and payments made by the pages, and what the books say of them."""

from uuid import uuid4

from netbilld.billing.books import check_books
from netbilld.services.sign_in import random_token
from tests.panel_fixture import Browser, PanelWorld, Person, plain


def once() -> str:
    """Return the key of a form that acts once."""
    return random_token(lambda count: bytes(uuid4().bytes * 3)[:count])


async def bill(browser: Browser, person: Person, amount: int, **form: str) -> str:
    """Issue an invoice of one line by the page; return its number."""
    sent = {
        "to": person.number,
        "once": once(),
        "do": "issue",
        "due_days": "10",
        "text-1": "Kabel",
        "price-1": str(amount),
        "quantity-1": "1",
        "tax-1": "none",
        "inclusive-1": "yes",
        "revenue-1": "other",
    }
    answer = await browser.send("/invoices/drafts", sent | form)
    assert answer.status == 303, plain(await answer.text())
    return answer.headers["Location"].partition("?")[0].rpartition("/")[2]


async def pay(browser: Browser, person: Person, amount: int, **form: str) -> str:
    """Record a payment by the page; return its address."""
    sent = {"sent": "yes", "to": person.number, "amount": str(amount), "method": "cash", "once": once()} | form
    answer = await browser.send("/payments", sent)
    assert answer.status == 303, plain(await answer.text())
    return answer.headers["Location"].partition("?")[0]


async def books_hold(world: PanelWorld) -> None:
    """See that documents and books agree."""
    async with world.database.read() as work:
        results = check_books(await work.ledger.figures())
    assert all(one.ok for one in results), [one for one in results if not one.ok]


async def owed(world: PanelWorld, number: str) -> int:
    """Return what is owed on an invoice."""
    async with world.database.read() as work:
        found = await work.invoices.by_number(number)
    assert found is not None
    return found.invoice.outstanding_minor
