"""Reports of gateways as their dashboards give them, and files that are odd."""

from datetime import date

import pytest

from netbilld.billing.report_layout import LAYOUTS, layout_of
from netbilld.model.errors import InvalidInputError
from netbilld.services.gateway_report import Report, read_report

DAY = date(2026, 1, 6)


def read(gateway: str, text: str, **changed: object) -> Report:
    return read_report(text.splitlines(keepends=True), layout_of(gateway, changed), "laporan.csv")


def said(report: Report) -> list[tuple[str, str, int, int, int, str | None, date | None]]:
    return [
        (one.ref, one.transaction, one.amount_minor, one.refunded_minor, one.fee_minor, one.payout, row.settled_on)
        for row in report.rows
        for one in [row.payment]
    ]


@pytest.mark.parametrize("gateway", LAYOUTS)
def test_our_own_columns_are_understood_of_every_gateway(gateway: str) -> None:
    report = read(
        gateway, "ref,transaction,amount,fee,refunded,payout,settled_on\nA-1,t-1,275000,2675,5000,PO-1,2026-01-06\n"
    )
    assert said(report) == [("A-1", "t-1", 275_000, 5_000, 2_675, "PO-1", DAY)]


def test_a_report_has_a_preamble_semicolons_quotes_and_a_sum_at_its_end() -> None:
    report = read(
        "midtrans",
        "\ufeffMerchant;G123456789\nPeriode;Januari 2026\n\n"
        "Order ID;Transaction ID;Transaction Status;Gross Amount;MDR;PPN;Payout ID;Settlement Date\n"
        'A-1;t-1;settlement;"Rp 275,000.00";-2,410;-265;PO-1;06/01/2026 10:00:00\n'
        "A-2;t-2;expire;150000;0;0;;\n"
        "\n"
        "A-3;t-3;Capture;150000.00;(1500);0;PO-1;2026-01-06T03:00:00Z\n"
        "Total;;;425000;;;;\n",
    )
    assert said(report) == [
        ("A-1", "t-1", 275_000, 0, 2_675, "PO-1", DAY),
        ("A-3", "t-3", 150_000, 0, 1_500, "PO-1", DAY),
    ]
    assert report.left_out == 2


def test_xendits_report_knows_an_order_by_its_reference_and_refunds_by_rows_of_their_own() -> None:
    report = read(
        "xendit",
        "Status,Type,Channel,Currency,Amount,Total Fee,Total VAT,Net Amount,Reference\n"
        "SUCCESSFUL,PAYMENT,QR_CODE,IDR,275000,1925,212,272863,A-1\n"
        "SUCCESSFUL,DISBURSEMENT,BANK,IDR,900000,2500,275,902775,cair\n"
        "SUCCESSFUL,REFUND,QR_CODE,IDR,-50000,0,0,-50000,A-1\n"
        "SUCCESSFUL,REFUND,QR_CODE,IDR,-7000,0,0,-7000,A-9\n"
        "PENDING,PAYMENT,QR_CODE,IDR,1000,0,0,1000,A-2\n",
    )
    assert said(report) == [("A-1", "", 275_000, 50_000, 2_137, None, None)]
    assert report.lost_refunds == (("A-9", 7_000),)
    assert report.left_out == 2


def test_an_isp_names_columns_and_spellings_of_its_own() -> None:
    changed = {
        "ref": "No. Pesanan", "transaction": "Kode", "amount": "Nilai", "fee": ["Potongan"], "decimal": ",",
        "status": "Hasil", "taken": ["Berhasil"], "settled_on": "Cair", "date_formats": "%d.%m.%Y", "payout": "Batch",
    }  # fmt: skip
    report = read(
        "duitku",
        "Kode\tNo. Pesanan\tNilai\tPotongan\tHasil\tCair\tBatch\n"
        "t-1\tA-1\t275.000,00\t2.675\tBerhasil\t06.01.2026\tB7\n"
        "t-2\tA-2\t1.000\t0\tGagal\t\t\n",
        **changed,
    )
    assert said(report) == [("A-1", "t-1", 275_000, 0, 2_675, "B7", DAY)]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "headings"),
        ("ref;nilai\nA;1\n", "headings"),
        ("ref,transaction,amount\nA,t,dua\n", "line 2"),
        ("ref,transaction,amount\nA,t,-5\n", "line 2"),
        ("ref,transaction,amount\nA,t,1.5\n", "line 2"),
        ("ref,transaction,amount\nA,t,9999999999999999\n", "line 2"),
        ("ref,transaction,amount\n,t,5\n", "line 2"),
        ("ref,transaction,amount\nA,t,5\nB,t,5\n", "line 3"),
        ("ref,amount\nA,5\nA,5\n", "line 3"),
        ('ref,transaction,amount\n"A,t,5\n', "line 2"),
        ("ref,transaction,amount,settled_on\nA,t,5,kemarin\n", "line 2"),
        (f"ref,transaction,amount\n{'A' * 101},t,5\n", "line 2"),
        ("ref,transaction,amount\nA\x00,t,5\n", "line 2"),
    ],
)
def test_what_can_t_be_is_refused_with_its_line(text: str, where: str) -> None:
    with pytest.raises(InvalidInputError, match=f"laporan.csv.*{where}"):
        read("tripay", text)


@pytest.mark.parametrize("changed", [{"reff": "x"}, {"ref": ["a", "b"]}, {"ref": ""}, {"decimal": "'"}, {"fee": [1]}])
def test_a_layout_that_can_t_be_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="tripay"):
        layout_of("tripay", changed)
