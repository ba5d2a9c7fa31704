"""What a person reads on a report: headings and state words in Indonesian and English, values by the locale."""

from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from netbilld.model.units import currency_exponent
from netbilld.services.reports.table import Column, Holds, Span, Table

Locale = Literal["id", "en"]

_TITLES: Final = {
    "bills": ("Laporan tagihan", "Bills"),
    "payments": ("Laporan pembayaran", "Payments"),
    "revenue": ("Laporan pendapatan", "Revenue"),
    "receivables": ("Umur piutang", "Receivables by age"),
    "tax": ("Laporan pajak", "Tax"),
    "usage": ("Laporan pemakaian", "Usage"),
    "churn": ("Pelanggan berhenti", "Churn"),
    "tenure": ("Lama berlangganan", "Tenure"),
    "dso": ("Lama penagihan", "Days sales outstanding"),
    "deliveries": ("Pengiriman faktur cetak", "Deliveries of printed invoices"),
}
_HEADINGS: Final = {
    "number": ("Nomor", "Number"),
    "kind": ("Jenis", "Kind"),
    "issued_on": ("Terbit", "Issued"),
    "due_on": ("Jatuh tempo", "Due"),
    "subscriber_no": ("No. pelanggan", "Subscriber"),
    "subscribers": ("Pelanggan", "Subscribers"),
    "name": ("Nama", "Name"),
    "username": ("Akun", "User name"),
    "area": ("Wilayah", "Area"),
    "status": ("Status", "Status"),
    "net": ("Sebelum pajak", "Net"),
    "net_before": ("Periode lalu", "Period before"),
    "change": ("Perubahan", "Change"),
    "change_percent": ("%", "%"),
    "tax": ("Pajak", "Tax"),
    "tax_code": ("Jenis pajak", "Tax code"),
    "total": ("Jumlah", "Total"),
    "paid": ("Dibayar", "Paid"),
    "outstanding": ("Terutang", "Outstanding"),
    "currency": ("Mata uang", "Currency"),
    "month": ("Bulan", "Month"),
    "day": ("Tanggal", "Day"),
    "documents": ("Dokumen", "Documents"),
    "received_on": ("Diterima", "Received"),
    "recorded_at": ("Dicatat", "Recorded"),
    "method": ("Cara bayar", "Method"),
    "reference": ("Referensi", "Reference"),
    "person": ("Petugas", "Person"),
    "payments": ("Pembayaran", "Payments"),
    "amount": ("Jumlah", "Amount"),
    "plan": ("Paket", "Plan"),
    "component": ("Komponen", "Component"),
    "oldest_due_on": ("Tertua", "Oldest due"),
    "not_due": ("Belum jatuh tempo", "Not due"),
    "days_1_30": ("1-30 hari", "1-30 days"),
    "days_31_60": ("31-60 hari", "31-60 days"),
    "days_61_90": ("61-90 hari", "61-90 days"),
    "days_over_90": (">90 hari", "Over 90 days"),
    "services": ("Layanan", "Services"),
    "upload_octets": ("Unggah", "Upload"),
    "download_octets": ("Unduh", "Download"),
    "total_octets": ("Jumlah", "Total"),
    "nas": ("NAS", "NAS"),
    "at_start": ("Awal", "At start"),
    "joined": ("Masuk", "Joined"),
    "left": ("Berhenti", "Left"),
    "at_end": ("Akhir", "At end"),
    "churn_percent": ("% berhenti", "Churn %"),
    "tenure_of_left_months": ("Lama yang berhenti (bulan)", "Tenure of who left (months)"),
    "tenure": ("Lama berlangganan", "Tenure"),
    "share_percent": ("Bagian %", "Share %"),
    "state": ("Keadaan", "State"),
    "courier": ("Kurir", "Courier"),
    "tracking_number": ("No. resi", "Tracking no."),
    "printed_on": ("Dicetak", "Printed"),
    "handed_on": ("Dikirim", "Handed over"),
    "returned_on": ("Kembali", "Returned"),
    "receiver": ("Penerima", "Receiver"),
    "days_on_the_way": ("Hari", "Days"),
    "billed": ("Ditagih", "Billed"),
    "receivable_at_end": ("Piutang akhir", "Receivable at end"),
    "dso_days": ("DSO (hari)", "DSO (days)"),
    "fallen_due": ("Jatuh tempo", "Fallen due"),
    "paid_on_time": ("Tepat waktu", "Paid on time"),
    "on_time_percent": ("% tepat waktu", "On time %"),
    "on_time_amount_percent": ("% nilai tepat waktu", "On time % by amount"),
}
_VALUES: Final = {
    "invoice": ("tagihan", "invoice"),
    "credit_note": ("nota kredit", "credit note"),
    "wallet": ("saldo", "wallet"),
    "issued": ("terbit", "issued"),
    "part_paid": ("dibayar sebagian", "part paid"),
    "credited": ("dikreditkan", "credited"),
    "payment": ("pembayaran", "payment"),
    "reversal": ("pembatalan", "reversal"),
    "refund": ("pengembalian", "refund"),
}
_STATES: Final = {
    "printed": ("dicetak", "printed"),
    "with_courier": ("di kurir", "with courier"),
    "received": ("diterima", "received"),
    "returned": ("dikembalikan", "returned"),
}
_PAID: Final = ("lunas", "paid")  # the word is a heading as well
_SUM: Final = ("Jumlah", "Total")
_LEDGER: Final = ("Buku besar", "Ledger")
_EQUAL: Final = ("sama", "equal")
_DIFFERS: Final = ("BERBEDA", "DIFFERS")
_TRANSLATED: Final = ("kind", "status")
_STEPS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


class Words:
    """Says things in one language and time zone."""

    def __init__(self, locale: Locale, timezone: str) -> None:
        self._place, self._zone = (0 if locale == "id" else 1), ZoneInfo(timezone)
        self._dot, self._comma = (".", ",") if locale == "id" else (",", ".")

    def title(self, table: Table) -> str:
        """Return the report's name."""
        return _TITLES[table.report][self._place]

    def span(self, span: Span) -> str:
        """Return the days it is about."""
        return f"{self._day(span.from_on)} - {self._day(span.to_on)}"

    def heading(self, column: Column) -> str:
        """Return what stands over a column."""
        return _HEADINGS[column.key][self._place]

    def headings(self, table: Table) -> list[str]:
        """Return what stands over the columns."""
        return [self.heading(column) for column in table.columns]

    @property
    def sum(self) -> str:
        return _SUM[self._place]

    def ledger(self, *, is_equal: bool) -> str:
        """Return the word for what the ledger says, and whether it agrees."""
        return f"{_LEDGER[self._place]} ({(_EQUAL if is_equal else _DIFFERS)[self._place]})"

    def value(self, column: Column, cell: Any, currency: str) -> str:
        """Return a cell as a person reads it; empty for None."""
        if cell is None:
            return ""
        match column.holds:
            case Holds.MONEY:
                return self.money(cell, currency)
            case Holds.COUNT:
                return self._whole(cell)
            case Holds.OCTETS:
                return self.octets(cell)
            case Holds.PERCENT:
                return self.percent(cell)
            case Holds.TENTHS:
                return self._decimal(cell, 1)
            case Holds.MONTH:
                return f"{cell:%Y-%m}"
            case Holds.DAY:
                return self._day(cell)
            case Holds.INSTANT:
                return self.instant(cell)
        if column.key == "state":
            return str(_STATES.get(cell, (cell, cell))[self._place])
        if column.key in _TRANSLATED:
            return str((_PAID if cell == "paid" else _VALUES.get(cell, (cell, cell)))[self._place])
        return str(cell)

    def money(self, amount_minor: int, currency: str) -> str:
        """Return `Rp200.000` for rupiah, `USD 12.50` for others, with the marks of the language."""
        sign, exponent = "-" if amount_minor < 0 else "", currency_exponent(currency)
        whole, rest = divmod(abs(amount_minor), 10**exponent)
        if currency == "IDR":  # written with dots in either language, as on every note and price tag
            return f"{sign}Rp{whole:,}".replace(",", ".")
        return f"{sign}{currency} {self._whole(whole)}" + (f"{self._comma}{rest:0{exponent}}" if exponent else "")

    def instant(self, at: datetime) -> str:
        """Return an instant in local time."""
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def percent(self, hundredths: int) -> str:
        """Return hundredths of a percent with two decimals, without the sign."""
        return self._decimal(hundredths, 2)

    @staticmethod
    def _day(on: date) -> str:
        return on.isoformat()

    def _whole(self, number: int) -> str:
        return f"{number:,}".replace(",", self._dot)

    def _decimal(self, number: int, places: int) -> str:
        whole, rest = divmod(abs(number), 10**places)
        return f"{'-' if number < 0 else ''}{self._whole(whole)}{self._comma}{rest:0{places}}"

    def octets(self, count: int) -> str:
        """Return octets with a decimal unit, rounded half up to hundredths; exact figures are in CSV and JSON."""
        step, size = 0, 1
        while step < len(_STEPS) - 1 and abs(count) * 1000 >= size * 999_995:
            step, size = step + 1, size * 1000
        if step == 0:
            return f"{count} B"
        hundredths = (2 * abs(count) * 100 + size) // (2 * size)
        return f"{self._decimal(hundredths if count >= 0 else -hundredths, 2)} {_STEPS[step]}"
