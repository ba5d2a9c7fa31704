"""How fast documents are drawn: one, and a month of them by `netbilld invoice pdf --all`.

    python -m benchmarks.pdf [--documents 500]

Each invoice has three lines, PPN, terbilang, a logo and a QR code. The month is drawn by the command itself, from
its start to its end, in a fresh data directory on SQLite; so what was drawn before helps nobody.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image
from sqlalchemy import insert

from benchmarks.bars import at_most, print_bars
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import subscribers
from netbilld.adapters.documents.document_pdf import document_pdf
from netbilld.adapters.documents.fonts import FontFiles
from netbilld.billing.invoice import InvoiceLine, LineKind
from tests.builders.documents import DAY, HEAD, PKP, invoice, line, page

HERE = Path(__file__).parent
MONTH_SECONDS = 30.0
ONE_MILLISECONDS = 50.0
UNUSUAL = "Žofie Łukasz"  # letters that Helvetica has not


def lines() -> tuple[InvoiceLine, ...]:
    fee = line(275_000, "Rumah 20 Mbps, 1 - 31 Januari 2026", tax_code="ppn")
    metered: dict[str, Any] = {
        "kind": LineKind.USAGE,
        "quantity": 12_345_678_901,
        "per": 10**9,
        "unit_price_minor": 3_000,
    }
    usage = line(37_037, "Pemakaian di luar kuota", tax_code="ppn", **metered)
    return fee, usage, line(-27_500, "Promo Lebaran", kind=LineKind.DISCOUNT, tax_code="ppn")


def one(logo: Path) -> dict[str, float]:
    """Return milliseconds of CPU for a document, the first and further ones."""
    usual = page(invoice(*lines(), policy=PKP), replace(HEAD, logo=logo))
    unusual = page(invoice(*lines(), policy=PKP), buyer={"name": UNUSUAL, "address": "Jl. 1"})

    def timed(count: int, document: object) -> list[float]:
        found = []
        for _ in range(count):
            began = time.process_time()
            document_pdf(document, FontFiles())  # type: ignore[arg-type]
            found.append((time.process_time() - began) * 1000)
        return found

    first, *rest = timed(101, usual)
    return {
        "first": first,
        "median": statistics.median(rest),
        "most": max(rest),
        "other script": statistics.median(timed(20, unusual)[1:]),
    }


async def fill(url: str, count: int) -> None:
    """Issue so many invoices."""
    database = Database(url)
    now = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    people = [uuid4() for _ in range(count)]
    async with database.write() as work:
        await work.connection.execute(
            insert(subscribers),
            [
                {
                    "id": who,
                    "number": str(100_001 + index),
                    "name": f"Siti Contoh {index}",
                    "address": f"Jl. Mawar {index}, Bandung",
                    "currency": "IDR",
                    "status": "active",
                    "created_at": now,
                }
                for index, who in enumerate(people)
            ],
        )
        issued = [
            replace(invoice(*lines(), policy=PKP), id=uuid4(), subscriber_id=who, number=f"INV-{DAY:%Y%m}-{index:06}")
            for index, who in enumerate(people, 1)
        ]
        await work.invoices.add(issued, now)
    await database.close()


def month(directory: Path, logo: Path, count: int) -> float:
    """Return the seconds that the command takes for a month of documents."""
    environment = {
        **os.environ,
        "NETBILLD_DATA_DIR": str(directory / "var"),
        "NETBILLD_TAX__IS_PKP": "true",
        "NETBILLD_DOCUMENTS__LOGO": str(logo),
        "NETBILLD_PORTAL__PUBLIC_URL": "https://portal.example.net",
    }
    netbilld = [sys.executable, "-m", "netbilld"]
    subprocess.run([*netbilld, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    asyncio.run(fill(sqlite_url(directory / "var" / "netbilld.db"), count))
    began = time.monotonic()
    wanted = [*netbilld, "invoice", "pdf", "--all", "--month", f"{DAY:%Y-%m}", "-o", str(directory / "out")]
    subprocess.run(wanted, env=environment, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    drawn = list((directory / "out").glob("*.pdf"))
    if len(drawn) != count:
        raise RuntimeError(f"{len(drawn)} of {count} documents were drawn")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        logo = directory / "logo.png"
        Image.new("RGB", (600, 180), (10, 90, 160)).save(logo)
        figures = one(logo)
        seconds = month(directory, logo, options.documents)
    bars = [
        at_most("one document, CPU, the first of a process", figures["first"], ONE_MILLISECONDS, "ms"),
        at_most("one document, CPU, median of 100", figures["median"], ONE_MILLISECONDS, "ms"),
        at_most("one document, CPU, most of 100", figures["most"], ONE_MILLISECONDS, "ms"),
        at_most(f"{options.documents} documents, from the command to its end", seconds, MONTH_SECONDS, "s"),
    ]
    print_bars(bars)
    print(f"with letters that Helvetica has not: {figures['other script']:.1f} ms; load {os.getloadavg()[0]:.1f}")
    result = {"on": date.today().isoformat(), "load": os.getloadavg()[0], "bars": [bar.as_json() for bar in bars]}  # noqa: DTZ011
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "pdf.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
