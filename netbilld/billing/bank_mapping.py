"""How a bank writes its statements: which column is what, how days and amounts look; nothing of it is in the code."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from netbilld.model.errors import InvalidInputError

_DELIMITERS: Final = {"auto": "", "comma": ",", "semicolon": ";", "tab": "\t", ",": ",", ";": ";", "\t": "\t"}
_MARKS: Final = (".", ",")


@dataclass(frozen=True, slots=True)
class BankMapping:
    """A layout of CSV statements.

    Columns are named by their headings, without regard to case, several that may be with `|` between; or by their
    numbers, from 1, where the file has no headings. What comes in is told by a column of credits beside one of debits,
    or by one of amounts with a sign, a mark such as CR, or a column of marks.

    Attributes:
        account: the bank account, under which rows are known; files of one account must all come by it.
        method: what a payment of it is recorded as.
        delimiter: empty where the heading decides.
        encoding: of the file.
        date, text, amount, credit, debit, direction, reference, balance: columns.
        date_formats: as strptime takes them; one without a year takes the latest such day that is not to come.
        decimal: the mark before decimals; the other one stands between thousands.
        credit_words, debit_words: marks, as they begin.
        ignored: rows that have one of these words, as a cell begins, are no transactions: a balance brought forward.
        is_tolerant: it was written from memory of such files; look at `--dry-run` before its first use.
    """

    account: str
    date: str
    text: tuple[str, ...]
    amount: str = ""
    credit: str = ""
    debit: str = ""
    direction: str = ""
    reference: str = ""
    balance: str = ""
    method: str = "transfer"
    delimiter: str = ""
    encoding: str = "utf-8-sig"
    header: bool = True
    date_formats: tuple[str, ...] = ("%d/%m/%Y",)
    decimal: str = "."
    credit_words: tuple[str, ...] = ("CR", "K", "C", "KREDIT", "CREDIT")
    debit_words: tuple[str, ...] = ("DB", "D", "DR", "DEBET", "DEBIT")
    ignored: tuple[str, ...] = ("saldo awal", "saldo akhir", "mutasi", "total", "opening balance", "closing balance")
    is_tolerant: bool = False


def mapping_from(definition: Mapping[str, Any], source: str) -> BankMapping:
    """Return the mapping that a definition says.

    Raises:
        InvalidInputError: a key is unknown, missing or of the wrong kind; named with its key.
    """
    known = {field.name: field for field in fields(BankMapping)}
    values: dict[str, Any] = {}
    for key, value in definition.items():
        if key not in known:
            raise InvalidInputError(f"{source}: {key}: unknown key; allowed: {', '.join(known)}")
        values[key] = _value(key, value, source)
    for key in ("account", "date", "text"):
        if not values.get(key):
            raise InvalidInputError(f"{source}: {key} is missing")
    if not (values.get("amount") or values.get("credit")):
        raise InvalidInputError(f"{source}: amount or credit is missing: which column says what came in?")
    if values.get("delimiter") in _DELIMITERS:
        values["delimiter"] = _DELIMITERS[values["delimiter"]]
    elif values.get("delimiter"):
        raise InvalidInputError(f"{source}: delimiter: allowed: comma, semicolon, tab, auto")
    if values.get("decimal", ".") not in _MARKS:
        raise InvalidInputError(f"{source}: decimal: allowed: . and ,")
    mapping = BankMapping(**values)
    if not mapping.header:
        for key in ("date", "amount", "credit", "debit", "direction", "reference", "balance"):
            _check_number(getattr(mapping, key), key, source)
        for text in mapping.text:
            _check_number(text, "text", source)
    return mapping


def _value(key: str, value: object, source: str) -> object:
    if key in {"header", "is_tolerant"}:
        if not isinstance(value, bool):
            raise InvalidInputError(f"{source}: {key}: write true or false")
        return value
    if key in {"text", "date_formats", "credit_words", "debit_words", "ignored"}:
        several = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(one, str | int) for one in several):
            raise InvalidInputError(f"{source}: {key}: write a list of texts")
        return tuple(str(one) for one in several)
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 200:
        raise InvalidInputError(f"{source}: {key}: write a text")
    return str(value)


def _check_number(column: str, key: str, source: str) -> None:
    if column and not (column.isascii() and column.isdigit() and 0 < int(column) <= 100):
        raise InvalidInputError(f"{source}: {key}: without headings a column is its number, from 1")


# Written from memory of what these banks' sites give; each bank has several layouts and changes them.
PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "generic": {
        "account": "bank",
        "date": "date|tanggal|tgl|booked_on",
        "text": ["description|keterangan|uraian|text|berita"],
        "amount": "amount|jumlah|nominal",
        "direction": "type|tipe|jenis|d/k|cr/db",
        "credit": "credit|kredit|masuk",
        "debit": "debit|debet|keluar",
        "reference": "reference|referensi|no. referensi|ref",
        "balance": "balance|saldo",
        "date_formats": ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y"],
    },
    "bca": {
        "account": "bca",
        "date": "Tanggal Transaksi|Tanggal|Tgl.",
        "text": ["Keterangan"],
        "amount": "Jumlah|Mutasi",
        "balance": "Saldo",
        "date_formats": ["%d/%m/%Y", "%d/%m/%y", "%d/%m"],
        "ignored": ["PEND", "saldo awal", "saldo akhir", "mutasi debet", "mutasi kredit", "kredit", "debet"],
        "is_tolerant": True,
    },
    "mandiri": {
        "account": "mandiri",
        "date": "Date|Tanggal|Posting Date|Tanggal Transaksi",
        "text": ["Description|Keterangan|Remark", "Additional Desc|Keterangan Tambahan|Description 2"],
        "credit": "Credit|Kredit|Credit Amount",
        "debit": "Debit|Debet|Debit Amount",
        "reference": "Reference No.|Reference No|No. Referensi",
        "balance": "Balance|Saldo",
        "date_formats": ["%d/%m/%y", "%d/%m/%Y", "%d %b %Y", "%Y-%m-%d"],
        "is_tolerant": True,
    },
    "bri": {
        "account": "bri",
        "date": "TGL_TRAN|Tanggal Transaksi|Tanggal|Transaction Date",
        "text": ["DESK_TRAN|Uraian Transaksi|Uraian|Remark"],
        "credit": "MUTASI_KREDIT|Kredit|Credit",
        "debit": "MUTASI_DEBET|Debet|Debit",
        "reference": "NOREK_LAWAN|TRREMK|Reference",
        "balance": "SALDO_AKHIR_MUTASI|Saldo|Balance",
        "date_formats": ["%Y-%m-%d", "%d/%m/%y", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S", "%d/%m/%y %H:%M:%S"],
        "is_tolerant": True,
    },
    "bni": {
        "account": "bni",
        "date": "Post Date|Posting Date|Tanggal|Tanggal Transaksi",
        "text": ["Description|Uraian Transaksi|Keterangan"],
        "amount": "Amount|Jumlah|Nominal",
        "direction": "D/C|Db/Cr|Tipe|Db./Cr.",
        "credit": "Credit|Kredit",
        "debit": "Debit|Debet",
        "reference": "Journal No.|Journal No|No. Jurnal",
        "balance": "Balance|Saldo",
        "date_formats": ["%d/%m/%y", "%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y %H.%M.%S", "%d/%m/%Y %H:%M:%S"],
        "is_tolerant": True,
    },
}
