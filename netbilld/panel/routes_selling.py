"""The part of the panel's URL map that is about what is sold beside invoices: vouchers, agents, collectors."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import Route
from netbilld.panel.staff import agents, collecting, collector, vouchers
from netbilld.panel.within import Within

_BATCH: Final = r"/vouchers/{batch:V\d{4,9}}"
_SALE: Final = r"/vouchers/sales/{sale:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

_COLLECTOR: Final = r"/handovers/{collector:[a-z][a-z0-9_.-]{0,31}}"
_AGENT: Final = r"/agents/{agent:[a-z][a-z0-9_.-]{0,31}}"

SELLING_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/vouchers", Permission.VIEW_MONEY, vouchers.show_list),
    Route("POST", "/vouchers", Permission.EDIT_MONEY, vouchers.add),
    Route("GET", "/vouchers/add", Permission.EDIT_MONEY, vouchers.show_add),
    Route("POST", "/vouchers/find", Permission.VIEW_MONEY, vouchers.find),
    Route("POST", "/vouchers/extend", Permission.EDIT_MONEY, vouchers.extend),
    Route("POST", "/vouchers/revoke", Permission.EDIT_MONEY, vouchers.revoke),
    Route("POST", "/vouchers/refund", Permission.EDIT_MONEY, vouchers.refund),
    Route("GET", _SALE, Permission.RECORD_PAYMENTS, vouchers.show_sale),
    Route("GET", _BATCH, Permission.VIEW_MONEY, vouchers.show),
    Route("GET", _BATCH + "/sheet.pdf", Permission.EDIT_MONEY, vouchers.sheet),
    Route("POST", _BATCH + "/sell", Permission.RECORD_PAYMENTS, vouchers.sell),
    Route("POST", _BATCH + "/use-by", Permission.EDIT_MONEY, vouchers.set_use_by),
    Route("POST", _BATCH + "/online", Permission.EDIT_MONEY, vouchers.set_online),
    Route("GET", "/collect", Permission.RECORD_PAYMENTS, collecting.show_day, within=Within.AREAS),
    Route("POST", "/collect", Permission.RECORD_PAYMENTS, collecting.take, within=Within.AREAS),
    Route("GET", "/collect/sw.js", Permission.RECORD_PAYMENTS, collecting.worker, within=Within.ANYWHERE),
    Route("GET", "/handovers", Permission.VIEW_MONEY, collecting.show_collectors),
    Route("POST", "/handovers", Permission.MANAGE_STAFF, collecting.add),
    Route("GET", _COLLECTOR, Permission.VIEW_MONEY, collector.show),
    Route("POST", _COLLECTOR, Permission.MANAGE_STAFF, collector.change),
    Route("POST", _COLLECTOR + "/handover", Permission.EDIT_MONEY, collecting.hand_over),
    Route("GET", "/agents", Permission.VIEW_MONEY, agents.show_list),
    Route("POST", "/agents", Permission.MANAGE_STAFF, agents.add),
    Route("GET", _AGENT, Permission.VIEW_MONEY, agents.show),
    Route("GET", _AGENT + "/statement.csv", Permission.VIEW_MONEY, agents.statement),
    Route("POST", _AGENT, Permission.MANAGE_STAFF, agents.change),
    Route("POST", _AGENT + "/deposit", Permission.EDIT_MONEY, agents.deposit),
    Route("POST", _AGENT + "/pay-out", Permission.EDIT_MONEY, agents.pay_out),
    Route("POST", _AGENT + "/serve", Permission.EDIT_MONEY, agents.serve),
    Route("POST", _BATCH + "/revoke", Permission.EDIT_MONEY, vouchers.revoke_unused),
)
