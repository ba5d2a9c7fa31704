"""The part of the panel's URL map that is about money."""

from typing import Final

from netbilld.billing.paper import PaperState
from netbilld.model.permissions import Permission
from netbilld.panel.route import ID, SUBSCRIBER, Route
from netbilld.panel.staff import (
    bank,
    bills,
    corrections,
    deliveries,
    drafts,
    dunning,
    paper,
    parked,
    payments,
    plan_versions,
    reports,
    wallets,
)
from netbilld.panel.within import Within

_DRAFT: Final = f"/invoices/drafts/{{draft:{ID}}}"
_BILL: Final = "/invoices/{number:.{1,60}}"  # a number may have slashes in it, so its own page comes last
_PAYMENT: Final = f"/payments/{{payment:{ID}}}"
_PARKED: Final = f"/payments/parked/{{parked:{ID}}}"
_DELIVERY: Final = "/deliveries/{number:.{1,60}}"
_ROW: Final = r"/payments/bank/{row:\d{1,18}}"

MONEY_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/invoices", Permission.VIEW_MONEY, bills.show_list, within=Within.AREAS),
    Route("GET", "/invoices/print", Permission.VIEW_MONEY, bills.print_list, within=Within.AREAS),
    Route("GET", "/invoices/drafts/add", Permission.EDIT_MONEY, drafts.show_add),
    Route("POST", "/invoices/drafts", Permission.EDIT_MONEY, drafts.add),
    Route("GET", _DRAFT, Permission.VIEW_MONEY, drafts.show),
    Route("POST", _DRAFT, Permission.EDIT_MONEY, drafts.change),
    Route("POST", _DRAFT + "/discard", Permission.EDIT_MONEY, drafts.discard),
    Route("GET", _BILL + "/pdf", Permission.VIEW_MONEY, paper.invoice_pdf),
    Route("GET", _BILL + "/explain", Permission.VIEW_MONEY, bills.explain),
    Route("GET", _BILL + "/credit", Permission.EDIT_MONEY, corrections.ask_credit),
    Route("POST", _BILL + "/credit", Permission.EDIT_MONEY, corrections.credit),
    Route("POST", _BILL + "/void", Permission.EDIT_MONEY, corrections.void),
    Route("POST", _BILL + "/write-off", Permission.EDIT_MONEY, corrections.write_off),
    Route("POST", _BILL + "/code", Permission.RECORD_PAYMENTS, bills.give_code),
    Route("GET", _BILL, Permission.VIEW_MONEY, bills.show),
    Route("GET", "/payments", Permission.VIEW_MONEY, payments.show_list, within=Within.AREAS),
    Route("GET", "/payments/add", Permission.RECORD_PAYMENTS, payments.show_add, within=Within.AREAS),
    Route("POST", "/payments", Permission.RECORD_PAYMENTS, payments.add, within=Within.AREAS),
    Route("GET", "/payments/codes", Permission.VIEW_MONEY, parked.show_codes),
    Route("GET", "/payments/parked", Permission.EDIT_MONEY, parked.show),
    Route("POST", "/payments/parked", Permission.EDIT_MONEY, parked.park),
    Route("POST", _PARKED + "/release", Permission.EDIT_MONEY, parked.release),
    Route("POST", _PARKED + "/return", Permission.EDIT_MONEY, parked.give_back),
    Route("GET", "/payments/bank", Permission.EDIT_MONEY, bank.show),
    Route("POST", "/payments/bank", Permission.EDIT_MONEY, bank.bring, bank.LARGEST_OCTETS),
    Route("POST", _ROW + "/match", Permission.EDIT_MONEY, bank.match),
    Route("POST", _ROW + "/ignore", Permission.EDIT_MONEY, bank.ignore),
    Route("POST", _ROW + "/undo", Permission.EDIT_MONEY, bank.undo),
    Route("GET", _PAYMENT, Permission.VIEW_MONEY, payments.show),
    Route("GET", _PAYMENT + "/receipt.pdf", Permission.VIEW_MONEY, payments.receipt_pdf),
    Route("POST", _PAYMENT + "/reverse", Permission.EDIT_MONEY, payments.reverse),
    Route("POST", _PAYMENT + "/move", Permission.EDIT_MONEY, payments.move),
    Route("POST", _PAYMENT + "/allocate", Permission.EDIT_MONEY, payments.allocate),
    Route("GET", "/deliveries", Permission.VIEW_MONEY, deliveries.show_list, within=Within.AREAS),
    Route("POST", "/deliveries", Permission.EDIT_MONEY, deliveries.move_many),
    *(
        Route("POST", f"{_DELIVERY}/{step.value}", Permission.EDIT_MONEY, deliveries.move, deliveries.LARGEST_OCTETS)
        for step in PaperState
    ),
    Route("GET", _DELIVERY + "/proof", Permission.VIEW_MONEY, deliveries.proof),
    Route("GET", _DELIVERY, Permission.VIEW_MONEY, deliveries.show),
    Route("GET", "/dunning", Permission.VIEW_MONEY, dunning.show),
    Route("POST", "/dunning/promises", Permission.EDIT_MONEY, dunning.promise),
    Route("POST", "/dunning/promises/end", Permission.EDIT_MONEY, dunning.end_promise),
    Route("POST", "/dunning/exemptions", Permission.EDIT_MONEY, dunning.exempt),
    Route("POST", "/dunning/exemptions/end", Permission.EDIT_MONEY, dunning.end_exemption),
    Route("POST", "/dunning/holidays", Permission.EDIT_MONEY, dunning.add_holiday),
    Route("POST", "/dunning/holidays/remove", Permission.EDIT_MONEY, dunning.remove_holiday),
    Route("GET", "/reports", Permission.VIEW_MONEY, reports.show_list),
    Route("GET", "/reports/{report}", Permission.VIEW_MONEY, reports.show),
    Route("GET", "/reports/{report}/csv", Permission.VIEW_MONEY, reports.give_file),
    Route("GET", "/reports/{report}/xlsx", Permission.VIEW_MONEY, reports.give_file),
    Route("GET", "/reports/{report}/pdf", Permission.VIEW_MONEY, reports.give_file),
    Route("GET", "/plans/add", Permission.EDIT_PLANS, plan_versions.show_add),
    Route("POST", "/plans", Permission.EDIT_PLANS, plan_versions.add),
    Route("GET", "/plans/{code}/version", Permission.EDIT_PLANS, plan_versions.show_version),
    Route("POST", "/plans/{code}/version", Permission.EDIT_PLANS, plan_versions.version),
    Route("POST", "/plans/{code}/sale", Permission.EDIT_PLANS, plan_versions.set_sale),
    Route("GET", "/plans/{code}/move", Permission.EDIT_PLANS, plan_versions.show_move),
    Route("POST", "/plans/{code}/move", Permission.EDIT_PLANS, plan_versions.move),
    Route("GET", SUBSCRIBER + "/wallet", Permission.VIEW_MONEY, wallets.show),
    Route("POST", SUBSCRIBER + "/wallet/allocate", Permission.EDIT_MONEY, wallets.allocate),
    Route("POST", SUBSCRIBER + "/wallet/refund", Permission.EDIT_MONEY, wallets.refund),
)
