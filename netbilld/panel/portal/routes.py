"""The portal's URL map: each route with what it is open to."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from netbilld.panel.portal import (
    account,
    agents,
    autopay,
    buy,
    codes,
    complaints,
    hook,
    hotspot,
    installable,
    messenger_hook,
    pages,
    paper,
    pay,
    plan,
    profile,
    requests,
    sign_in,
    verify,
)
from netbilld.panel.portal.capport import capport
from netbilld.panel.portal.own import Handler, answers_the_signed_in, does_for_the_signed_in, for_the_signed_in


class Open(Enum):
    ANYBODY = auto()
    SIGNED_IN = auto()
    AGENT = auto()  # signed in to the realm of agents


@dataclass(frozen=True, slots=True)
class PortalRoute:
    """A method and path, who may use it, and what answers."""

    method: str
    path: str
    open_to: Open
    handler: Handler


def _page(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("GET", path, Open.ANYBODY, handler)


def _form(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("POST", path, Open.ANYBODY, handler)


def _own(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("GET", path, Open.SIGNED_IN, handler)


def _does(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("POST", path, Open.SIGNED_IN, handler)


def _agents(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("GET", path, Open.AGENT, handler)


def _agent_does(path: str, handler: Handler) -> PortalRoute:
    return PortalRoute("POST", path, Open.AGENT, handler)


_COMPLAINT: Final = r"/akun/keluhan/{number:K\d{5,12}}"
_ORDER: Final = r"/beli/{token:VC-[A-Z2-7]{12}\.[A-Za-z2-7]{16}}"
PORTAL_ROUTES: Final = (
    _page("/", pages.balance_page),
    _page("/isolir", pages.walled_page),
    _page("/capport", capport),
    _page("/hotspot", hotspot.show),
    _form("/hotspot", hotspot.show),
    _form("/hotspot/masuk", hotspot.send_on),
    _form("/hotspot/beli", hotspot.order),
    _page(_ORDER, buy.follow),
    _form(_ORDER, buy.look),
    _page(_ORDER + "/masuk", buy.log_in),
    _page("/masuk", sign_in.show_sign_in),
    _form("/masuk", sign_in.do_sign_in),
    _page("/masuk/kode", codes.show_ask),
    _form("/masuk/kode", codes.ask),
    _form("/masuk/kode/periksa", codes.check),
    _form("/keluar", sign_in.sign_out),
    _page("/bahasa/{language}", sign_in.choose_language),
    _page("/bayar", pay.my_link),
    _page("/bayar/{token:[^/]{1,120}}", pay.show),
    _form("/bayar/{token:[^/]{1,120}}", pay.begin),
    _page("/bayar/{token:[^/]{1,120}}/qris", pay.show_qris),
    _page(r"/bayar/{token:[^/]{1,120}}/{ref:\d{1,20}-[A-Z2-7]{12}}", pay.follow),
    _form(r"/bayar/{token:[^/]{1,120}}/{ref:\d{1,20}-[A-Z2-7]{12}}", pay.look),
    _form("/hook/{gateway:[a-z]{1,32}}", hook.hook),
    _page("/hook/wa/{driver:[a-z_]{1,24}}/{secret:[A-Za-z0-9_-]{1,200}}", messenger_hook.greet),
    _form("/hook/wa/{driver:[a-z_]{1,24}}/{secret:[A-Za-z0-9_-]{1,200}}", messenger_hook.take),
    # Evolution may add the event's name to the address it was given
    _form("/hook/wa/{driver:evolution}/{secret:[A-Za-z0-9_-]{1,200}}/{event:[a-z-]{1,40}}", messenger_hook.take),
    _page("/v", verify.verify_page),
    _page("/v/{code:.+}", verify.verify_page),
    _own("/akun", for_the_signed_in(account.overview)),
    _does("/akun/layanan", does_for_the_signed_in(account.choose_service)),
    _own("/akun/tagihan", for_the_signed_in(account.invoices)),
    _own("/akun/tagihan/{id}", for_the_signed_in(account.invoice)),
    _own(r"/akun/tagihan/{id}/baris/{line:[1-9]\d{0,3}}", for_the_signed_in(account.invoice_line)),
    _does("/akun/tagihan/{id}/tanya", does_for_the_signed_in(requests.ask_about_invoice)),
    _own("/akun/tagihan/{id}/pdf", answers_the_signed_in(paper.invoice_pdf)),
    _own("/akun/pembayaran", for_the_signed_in(account.payments)),
    _own("/akun/pembayaran/{id}", for_the_signed_in(account.payment)),
    _own("/akun/pembayaran/{id}/pdf", answers_the_signed_in(paper.receipt_pdf)),
    _own("/akun/pemakaian", for_the_signed_in(account.usage)),
    _own("/akun/sesi", for_the_signed_in(account.sessions)),
    _own("/akun/paket", for_the_signed_in(plan.show)),
    _does("/akun/paket/batal", does_for_the_signed_in(plan.take_back)),
    _own("/akun/paket/{code:.{1,64}}", for_the_signed_in(plan.preview)),
    _does("/akun/paket/{code:.{1,64}}", does_for_the_signed_in(plan.change)),
    _does("/akun/isi-ulang", does_for_the_signed_in(plan.top_up)),
    _does("/akun/cuti", does_for_the_signed_in(plan.pause)),
    _does("/akun/cuti/selesai", does_for_the_signed_in(plan.end_pause)),
    _own("/akun/bayar-otomatis", for_the_signed_in(autopay.show)),
    _does("/akun/bayar-otomatis/perpanjangan", does_for_the_signed_in(autopay.renewal)),
    _does("/akun/bayar-otomatis/perpanjang", does_for_the_signed_in(autopay.renew_now)),
    _does("/akun/bayar-otomatis/hubungkan", does_for_the_signed_in(autopay.link)),
    _does("/akun/bayar-otomatis/putuskan", does_for_the_signed_in(autopay.unlink)),
    _own("/akun/profil", for_the_signed_in(profile.show)),
    _does("/akun/profil", does_for_the_signed_in(profile.change)),
    _does("/akun/profil/kode", does_for_the_signed_in(profile.send_code)),
    _does("/akun/profil/sandi", does_for_the_signed_in(profile.change_password)),
    _does("/akun/profil/persetujuan", does_for_the_signed_in(profile.say)),
    _own("/akun/data.json", answers_the_signed_in(profile.data_json)),
    _own("/akun/data.zip", answers_the_signed_in(profile.data_zip)),
    _does("/akun/hapus", does_for_the_signed_in(requests.ask_deletion)),
    _does("/akun/permintaan/{id}/tarik", does_for_the_signed_in(requests.withdraw)),
    _own("/akun/keluhan", for_the_signed_in(complaints.show_list)),
    _does("/akun/keluhan", complaints.takes_photos(complaints.file_one)),
    _own("/akun/keluhan/baru", for_the_signed_in(complaints.show_new)),
    _own(_COMPLAINT, for_the_signed_in(complaints.show)),
    _does(_COMPLAINT + "/catatan", complaints.takes_photos(complaints.answer)),
    _does(_COMPLAINT + "/buka", does_for_the_signed_in(complaints.reopen)),
    _does(_COMPLAINT + "/beres", does_for_the_signed_in(complaints.close)),
    _own(_COMPLAINT + "/survei", for_the_signed_in(complaints.show_survey)),
    _does(_COMPLAINT + "/survei", does_for_the_signed_in(complaints.survey)),
    _own(_COMPLAINT + "/foto/{id}", answers_the_signed_in(complaints.photo)),
    _page("/agen/masuk", agents.show_sign_in),
    _form("/agen/masuk", agents.sign_in),
    _agent_does("/agen/keluar", agents.does_for_agents(agents.sign_out)),
    _agents("/agen", agents.for_agents(agents.home)),
    _agent_does("/agen/voucher", agents.does_for_agents(agents.sell)),
    _agents("/agen/jual/{id}", agents.for_agents(agents.sale)),
    _agent_does("/agen/isi", agents.does_for_agents(agents.top_up)),
    _agents("/agen/terima/{id}", agents.for_agents(agents.payment)),
    _agents("/agen/mutasi", agents.for_agents(agents.statement)),
    _agents("/agen/mutasi.csv", agents.for_agents(agents.statement_file)),
    _agents("/agen/sandi", agents.for_agents(agents.show_password)),
    _agent_does("/agen/sandi", agents.does_for_agents(agents.change_password)),
    _page("/manifest.webmanifest", installable.manifest),
    _page("/sw.js", installable.service_worker),
    _page("/luring", installable.offline),
)
