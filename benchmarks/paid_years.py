"""Names, two years of invoices and their payments for the numbered subscribers of a large benchmark.

Invoices and their entries are made by the billing run itself, month by month; payments, a quarter of a million rows in
each of several tables, by SQL that writes what a payment writes.
"""

from datetime import date, timedelta
from typing import Any, Final

import asyncpg

from benchmarks.billing import measured

ZONE: Final = "Asia/Jakarta"
UNPAID_IN: Final = 25  # of so many subscribers one has not paid the last month but one

_PEOPLE: Final = """
UPDATE subscribers SET
    name = (ARRAY['Budi', 'Siti', 'Agus', 'Dewi', 'Joko', 'Rina', 'Hendra', 'Ayu', 'Eko', 'Wati'])[1 + n % 10] || ' ' ||
        (ARRAY['Santoso', 'Wijaya', 'Lestari', 'Pratama', 'Hidayat', 'Saputra', 'Nugroho'])[1 + n % 7] || ' ' || n,
    phone = '+62812' || lpad((n * 7919 % 100000000)::text, 8, '0'),
    email = 'pelanggan' || n || '@example.net',
    address = 'Jl. Melati No. ' || n % 300 || ', RT ' || lpad((n % 12)::text, 2, '0') || '/RW ' ||
        lpad((n / 12 % 20)::text, 2, '0'),
    area = 'jabar/kec' || n % 8 || '/rw' || lpad((n / 8 % 20)::text, 2, '0')
FROM (SELECT id, number::bigint - 500000 AS n FROM subscribers) numbered WHERE numbered.id = subscribers.id
"""
_SERVED: Final = "UPDATE services SET activated_on = $1, created_at = $1::date::timestamptz"
_TERMS: Final = """
INSERT INTO service_terms (service_id, from_on, plan_version_id, free, is_reset, actor, created_at, applied_at)
SELECT id, activated_on, plan_version_id, FALSE, FALSE, 'bench', created_at, created_at FROM services
"""
_PAID: Final = f"""
CREATE TABLE bench_paid AS SELECT invoices.id AS invoice_id, subscribers.id AS subscriber_id, subscribers.number,
    total_minor, issued_on + 3 + (subscribers.number::bigint % 6)::int AS received_on, gen_random_uuid() AS payment_id,
    row_number() OVER (ORDER BY issued_on, invoices.number) AS n
FROM invoices JOIN subscribers ON subscribers.id = invoices.subscriber_id
WHERE issued_on < $1 AND NOT (issued_on >= $2 AND subscribers.number::bigint % {UNPAID_IN} = 0)
"""
_AT: Final = f"(received_on + time '10:00') AT TIME ZONE '{ZONE}'"
_BOOKED: Final = (
    f"""
    INSERT INTO payments (id, subscriber_id, amount_minor, currency, method, reference, received_on, recorded_at,
        actor, receipt_no)
    SELECT payment_id, subscriber_id, total_minor, 'IDR', 'transfer', 'BENCH' || n, received_on, {_AT}, 'bench',
        'KW-BENCH-' || n FROM bench_paid ORDER BY n
    """,
    f"""
    INSERT INTO allocations (invoice_id, payment_id, amount_minor, at)
    SELECT invoice_id, payment_id, total_minor, {_AT} FROM bench_paid ORDER BY n
    """,
    "UPDATE invoices SET status = 'paid', paid_minor = invoices.total_minor FROM bench_paid WHERE invoice_id = id",
    f"""
    INSERT INTO ledger_entries (at, booked_on, kind, document, document_id, memo, actor)
    SELECT {_AT}, received_on, 'payment_received', 'payment', payment_id::text, 'transfer', 'bench'
    FROM bench_paid ORDER BY n
    """,
    """
    INSERT INTO accounts (code, kind, currency, balance_minor) VALUES ('cash:transfer', 'asset', 'IDR', 0)
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO postings (entry_id, line, account_id, side, amount_minor)
    SELECT ledger_entries.id, line, account.id, side, total_minor
    FROM bench_paid JOIN ledger_entries ON document_id = payment_id::text AND document = 'payment'
    CROSS JOIN (VALUES (1, 'debit'), (2, 'credit')) sides (line, side)
    JOIN accounts account ON account.code =
        CASE WHEN side = 'debit' THEN 'cash:transfer' ELSE 'receivable:' || bench_paid.number END
    """,
    """
    INSERT INTO ledger_days (booked_on, kind, account, account_kind, of_subscribers, currency, debit_minor)
    SELECT received_on, 'payment_received', account, 'asset', of_subscribers, 'IDR', sign * sum(total_minor)
    FROM bench_paid CROSS JOIN (VALUES ('cash:transfer', FALSE, 1), ('receivable', TRUE, -1))
        sides (account, of_subscribers, sign) GROUP BY 1, 3, 5, sign
    """,
    """
    UPDATE accounts SET balance_minor = balance_minor + (SELECT sum(total_minor) FROM bench_paid)
    WHERE code = 'cash:transfer'
    """,
    """
    UPDATE accounts SET balance_minor = balance_minor - paid
    FROM (SELECT number, sum(total_minor) AS paid FROM bench_paid GROUP BY 1) sums WHERE code = 'receivable:' || number
    """,
    """
    UPDATE outbox SET state = 'sent', channel = 'email', recipient = 'pelanggan@example.net', attempts = 1,
        ended_at = created_at
    """,
    "DROP TABLE bench_paid",
)


def months(first_on: date, count: int) -> list[date]:
    """Return the first days of so many months, from that of `first_on` on."""
    found, month = [], first_on.replace(day=1)
    for _ in range(count):
        found.append(month)
        month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return found


async def people(connection: Any, first_on: date) -> None:
    """Give everybody a name and a service that began on that day."""
    await connection.execute(_PEOPLE)
    await connection.execute(_SERVED, first_on)
    await connection.execute(_TERMS)


def invoices(database_url: str, days: list[date], say: Any) -> int:
    """Bill everybody on each of these days, by the program; return how many invoices were made."""
    made = 0
    for day in days:
        report = measured(database_url, day, realtime=False)
        made += report["documents"]
        say(f"{report['documents']} invoices of {day:%m/%Y}")
    return made


async def payments(database_url: str, today: date) -> None:
    """Pay everything but this month's invoices and a part of the month's before."""
    last_on = today.replace(day=1)
    connection: Any = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET session_replication_role = replica")  # the books' triggers, row by row
        before_last_on = (last_on - timedelta(days=1)).replace(day=1)
        await connection.execute(_PAID, last_on, before_last_on)
        await connection.execute("CREATE INDEX ON bench_paid (invoice_id)")
        await connection.execute("ANALYZE bench_paid")
        for statement in _BOOKED:
            await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
