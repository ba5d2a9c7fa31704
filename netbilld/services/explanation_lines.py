"""An explanation as indented lines, for a terminal and for paper."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from netbilld.services.explain_amounts import Json, last_day
from netbilld.services.reports.words import Locale, Words

_SESSIONS_SHOWN = 40  # a line each; all are in JSON
_SLICES_SHOWN = 500


class TextLine(NamedTuple):
    """A line; `amount` stands at its right end."""

    depth: int
    text: str
    amount: str = ""
    is_wrong: bool = False


class ExplanationLines:
    """Writes one language."""

    def __init__(self, locale: Locale, timezone: str, currency: str) -> None:
        self._words, self._currency, self._is_id = Words(locale, timezone), currency, locale == "id"

    def invoice(self, explanation: Json) -> Iterator[TextLine]:
        """Yield the lines of a document's explanation."""
        document = explanation["document"]
        yield TextLine(0, f"{document['number']}  {document['subscriber_no']}  {document['subscriber_name']}")
        yield TextLine(0, f"{self._say('terbit', 'issued')} {document['issued_on']}")
        for line in explanation["lines"]:
            yield TextLine(0, "")
            yield from self._line(line)
        yield TextLine(0, "")
        for check in explanation["checks"]:
            yield self._check(check)
        for entry in explanation["entries"]:
            yield from self._entry(entry)
        yield TextLine(0, "")
        said = self._equal(explanation["equal"])
        yield TextLine(0, f"{self._say('dihitung ulang', 'recomputed')}: {said}", is_wrong=not explanation["equal"])
        yield TextLine(0, f"SHA-256 {self._say('dokumen', 'of the document')}: {explanation['document_sha256']}")
        yield TextLine(0, f"SHA-256 {self._say('penjelasan', 'of the explanation')}: {explanation['sha256']}")

    def period(self, explanation: Json) -> Iterator[TextLine]:
        """Yield the lines of a billing period's usage, and what the wallet has paid of it."""
        yield from self.usage(explanation["usage"])
        wallet = explanation["wallet"]
        is_equal = wallet["charged"] == wallet["recomputed"]
        text = f"{self._say('dipotong dari saldo', 'taken from the wallet')}: {self._equal(is_equal)}"
        yield TextLine(0, text, self._money(wallet["charged"]), is_wrong=not is_equal)

    def entry(self, explanation: Json) -> Iterator[TextLine]:
        """Yield the lines of an entry, and of what it is explained by."""
        yield from self._entry(explanation["entry"])
        if "usage" in explanation:
            yield TextLine(0, f"{explanation['subscriber_no']}  {explanation['subscriber_name']}")
            yield from self.period(explanation)
        if "invoice" in explanation:
            yield TextLine(0, "")
            yield from self.invoice(explanation["invoice"])

    def _entry(self, entry: Json) -> Iterator[TextLine]:
        yield TextLine(0, f"{self._say('jurnal', 'entry')} {entry['id']}, {entry['booked_on']}, {entry['memo']}")
        for posting in entry["postings"]:
            yield TextLine(1, f"{posting['side']} {posting['account']}", self._money(posting["amount"]))

    def usage(self, usage: Json, depth: int = 0) -> Iterator[TextLine]:
        """Yield the lines of a period's usage."""
        from_on, until_on = usage["period"]
        yield TextLine(
            depth,
            f"{self._say('pemakaian', 'usage')} {from_on} - {last_day(until_on)}, {usage['timezone']}",
            self._money(usage["amount"]),
        )
        for name, said in (
            ("allowance", self._say("kuota", "allowance")),
            ("time_allowance", self._say("kuota waktu", "time allowance")),
        ):
            if name in usage:
                yield TextLine(depth + 1, f"{said}: {self._allowance(usage[name], is_time=name != 'allowance')}")
        for use in usage["uses"]:
            yield TextLine(depth + 1, self._use(use))
        for charge in usage["charges"]:
            yield TextLine(depth + 1, self._charge(charge), self._money(charge["amount"]))
        for row in usage["billed"]:
            octets = self._octets(row["upload_octets"] + row["download_octets"])
            text = f"{self._say('ditagih', 'billed')} {row['number'] or '-'} {row['issued_on'] or ''}, {octets}"
            yield TextLine(depth + 1, text, self._money(row["amount"]))
        for day in usage["days"]:
            yield TextLine(depth + 1, f"{day['on']}  {self._both(day)}", self._money(day["amount"]))
        yield from self._sessions(usage, depth + 1)
        for one in usage.get("slice_list", ())[:_SLICES_SHOWN]:
            window = f", {one['window']}" if one["window"] else ""
            mark = " ~" if one["estimated"] else ""
            text = f"{one['session']}  {one['start']} - {one['end'][11:19]}  {self._both(one)}{mark}{window}"
            yield TextLine(depth + 1, text, self._money(one["amount"]))
        if usage["octets_without_slices"]:
            gone = self._octets(usage["octets_without_slices"])
            yield TextLine(depth + 1, f"{gone} {self._say('tanpa potongan tersimpan', 'without slices that are kept')}")

    def _sessions(self, usage: Json, depth: int) -> Iterator[TextLine]:
        for session in usage["sessions"][:_SESSIONS_SHOWN]:
            when = " - ".join((session.get(one) or "")[:19].replace("T", " ") for one in ("started", "stopped"))
            text = f"{session['session']}  {session.get('nas') or ''}  {when}  {self._both(session)}"
            yield TextLine(depth, text, self._money(session["amount"]))
        more = len(usage["sessions"]) - _SESSIONS_SHOWN
        if more > 0:
            yield TextLine(depth, f"… {more} {self._say('sesi lagi (--json)', 'further sessions (--json)')}")

    def _line(self, line: Json) -> Iterator[TextLine]:
        who = f" ({line['username']})" if line["username"] else ""
        yield TextLine(0, f"{line['line']}. {line['text']}{who}", self._money(line["amount"]))
        price = self._money(line["unit_price"]) + (f" / {line['per']}" if line["per"] != 1 else "")
        yield TextLine(1, f"{line['quantity']} x {price}")
        for one in line.get("terms", ()):
            yield TextLine(1, self._terms(one))
        if "fee" in line:
            yield from self._fee(line["fee"])
        if "usage" in line:
            yield from self.usage(line["usage"], 1)
        if line.get("metered_since"):
            octets = self._octets(line["metered_since"])
            yield TextLine(
                1, f"{octets} {self._say('tercatat sesudah tagihan ini', 'were metered after this document')}"
            )
        for session in line.get("came_late", ()):
            heard = (session.get("last_heard") or "")[:19].replace("T", " ")
            yield TextLine(
                1, f"{self._say('terdengar', 'heard of')} {heard}: {session['session']}  {self._both(session)}"
            )
        if "taxed" in line:
            yield self._taxed(line["taxed"])
        for key, value in line["details"].items():
            if "fee" not in line and "usage" not in line:
                by_hand = key == "by_hand" and value
                yield TextLine(1, self._say("ditulis manual", "written by hand") if by_hand else f"{key}: {value}")
        said = f"{self._say('dihitung ulang', 'recomputed')}: {self._equal(line['equal'])}"
        yield TextLine(1, said, self._money(line["recomputed"]), is_wrong=not line["equal"])

    def _fee(self, fee: Json) -> Iterator[TextLine]:
        from_on, until_on = fee["period"]
        head = f"{self._say('periode', 'period')} {from_on} - {last_day(until_on)} ({fee['of_days']})"
        if "base" in fee:
            percent = f" x {self._percent(fee['percent_hundredths'])} %" if "percent_hundredths" in fee else ""
            yield TextLine(1, f"{head}: {self._money(fee['base'])}{percent}", self._money(fee["owed"]))
        else:
            divided = {"calendar": f" / {fee['of_days']}", "30": " / 30", "none": ""}[fee["prorata"]]
            days = f" x {fee['days']}{divided}" if divided and fee["days"] != fee["of_days"] else ""
            yield TextLine(1, f"{head}: {self._money(fee['price'])}{days}", self._money(fee["owed"]))
        if fee["billed_before"]:
            yield TextLine(1, self._say("sudah ditagih", "billed before"), self._money(-fee["billed_before"]))

    def _terms(self, one: Json) -> str:
        reasons = {
            "own": self._say("harga khusus layanan", "the service's own price"),
            "group": self._say("harga kelompok", "price of the group"),
            "area": self._say("harga wilayah", "price of the area"),
            "plan": self._say("harga paket", "the plan's price"),
        }
        words = [
            f"{one['from']} - {last_day(one['until'])} ({one['days']})",
            f"{one['plan']} v{one['version']}",
            f"{self._money(one['price'])}, {reasons[one['price_by']]} {one.get('price_of', '')}".rstrip(),
        ]
        if "stopped" in one:
            words.append(one["stopped"])
        if one.get("free"):
            words.append(self._say("gratis", "free"))
        if "reason" in one:
            words.append(f"{one['reason']} ({one['by']})")
        return ", ".join(words)

    def _taxed(self, tax: Json) -> TextLine:
        base = self._money(tax["base"])
        text = f"{tax['code']}: {self._say('dasar', 'base')} {base} ({tax['base_of_price']}) x {tax['rate']}"
        return TextLine(1, text, self._money(tax["recomputed"]), is_wrong=tax["recomputed"] != tax["tax"])

    def _charge(self, one: Json) -> str:
        step = one["window"] or (f"{self._say('jenjang', 'tier')} {one['tier'] + 1}" if one["tier"] is not None else "")
        units = self._octets(one["units"]) if one["unit"] == "data" else f"{one['units']} s"
        capped = f", {self._say('batas atas', 'capped')}" if one["capped"] else ""
        price = f"{units} x {self._money(one['price'])} / {one['per']}"
        return f"{one['from']} - {last_day(one['until'])}, {one['plan']}, {step}: {price}{capped}"

    def _use(self, use: Json) -> str:
        where = use["window"] or self._say("di luar jam hemat", "outside happy hours")
        return f"{use['from']} - {last_day(use['until'])}, {use['plan']}, {where} x {use['weight']}: {self._both(use)}"

    def _allowance(self, state: Json, *, is_time: bool) -> str:
        written = {key: f"{value} s" if is_time else self._octets(value) for key, value in state.items()}
        parts = [written["own"]]
        for key, said in (("rolled_over", self._say("sisa", "rolled over")), ("bought", self._say("beli", "bought"))):
            if state[key]:
                parts.append(f"{said} {written[key]}")
        return f"{' + '.join(parts)}; {self._say('terpakai', 'used')} {written['used']}"

    def _check(self, check: Json) -> TextLine:
        names = {
            "total": self._say("jumlah baris", "sum of the lines"),
            "tax": self._say("jumlah pajak", "sum of the taxes"),
            "booked": self._say("menurut jurnal", "as booked"),
        }
        text = f"{names[check['check']]}: {self._equal(check['equal'])}"
        return TextLine(0, text, self._money(check["recomputed"]), is_wrong=not check["equal"])

    def _both(self, one: Json) -> str:
        return f"↑ {self._octets(one['upload_octets'])} ↓ {self._octets(one['download_octets'])}"

    def _equal(self, is_equal: bool) -> str:
        return self._say("sama", "equal") if is_equal else self._say("BERBEDA", "DIFFERS")

    def _money(self, amount_minor: int) -> str:
        return self._words.money(amount_minor, self._currency)

    def _octets(self, count: int) -> str:
        return self._words.octets(count)

    def _percent(self, hundredths: int) -> str:
        return self._words.percent(hundredths)

    def _say(self, indonesian: str, english: str) -> str:
        return indonesian if self._is_id else english


def as_text(line: TextLine, width: int) -> str:
    """Return a line with its amount at the right end."""
    left = "  " * line.depth + ("! " if line.is_wrong else "") + line.text
    if not line.amount:
        return left.rstrip()
    return f"{left}  {line.amount.rjust(max(0, width - len(left) - 2))}"


def plain(value: Any) -> str:
    """Return a text without what could move a terminal's cursor."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value))
