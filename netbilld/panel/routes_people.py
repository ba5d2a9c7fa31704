"""The part of the panel's map that is about subscribers: who they are, their services, and work on many of them."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import ID, SERVICE, SUBSCRIBER, Route
from netbilld.panel.staff import arrears, batches, people_list, person, records, service_page
from netbilld.panel.within import Within
from netbilld.services.keep_records import LARGEST_OCTETS

_JOB: Final = f"/batches/{{job:{ID}}}"
_FILE: Final = f"{SUBSCRIBER}/files/{{file:{ID}}}"
_UPLOAD_OCTETS: Final = LARGEST_OCTETS + 64 * 1024

ROUTES_PEOPLE: Final[tuple[Route, ...]] = (
    Route("GET", "/subscribers", Permission.VIEW_SUBSCRIBERS, people_list.show_list, within=Within.AREAS),
    Route("GET", "/subscribers/export.csv", Permission.EDIT_SUBSCRIBERS, batches.export, within=Within.AREAS),
    Route("GET", "/subscribers/add", Permission.EDIT_SUBSCRIBERS, person.show_add, within=Within.AREAS),
    Route("POST", "/subscribers/add", Permission.EDIT_SUBSCRIBERS, person.add, within=Within.AREAS),
    Route("GET", "/subscribers/import", Permission.EDIT_SUBSCRIBERS, batches.show_import),
    Route("POST", "/subscribers/import", Permission.EDIT_SUBSCRIBERS, batches.propose_import, batches.BODY_OCTETS),
    Route("GET", "/subscribers/do", Permission.EDIT_SUBSCRIBERS, batches.ask),
    Route("POST", "/subscribers/do", Permission.EDIT_SUBSCRIBERS, batches.propose),
    Route("GET", SUBSCRIBER + "/edit", Permission.EDIT_SUBSCRIBERS, person.show_edit),
    Route("POST", SUBSCRIBER + "/edit", Permission.EDIT_SUBSCRIBERS, person.edit),
    Route("GET", SUBSCRIBER + "/story", Permission.VIEW_SUBSCRIBERS, records.story),
    Route("POST", SUBSCRIBER + "/notes", Permission.EDIT_SUBSCRIBERS, records.add_note),
    Route("POST", SUBSCRIBER + r"/notes/{note:\d{1,18}}/remove", Permission.EDIT_SUBSCRIBERS, records.remove_note),
    Route("POST", SUBSCRIBER + "/files", Permission.EDIT_SUBSCRIBERS, records.add_file, _UPLOAD_OCTETS),
    Route("GET", _FILE, Permission.VIEW_SUBSCRIBERS, records.file),
    Route("POST", _FILE + "/remove", Permission.EDIT_SUBSCRIBERS, records.remove_file),
    Route("POST", SUBSCRIBER + "/promise", Permission.RECORD_PAYMENTS, arrears.promise),
    Route("POST", SUBSCRIBER + "/promise/end", Permission.RECORD_PAYMENTS, arrears.end_promise),
    Route("POST", SUBSCRIBER + "/exempt", Permission.EDIT_MONEY, arrears.exempt),
    Route("POST", SUBSCRIBER + "/exempt/end", Permission.EDIT_MONEY, arrears.end_exemption),
    Route("GET", SUBSCRIBER + "/services/add", Permission.EDIT_SUBSCRIBERS, person.show_add_service),
    Route("POST", SUBSCRIBER + "/services/add", Permission.EDIT_SUBSCRIBERS, person.add_service),
    Route("GET", SERVICE, Permission.VIEW_SUBSCRIBERS, service_page.show),
    Route("POST", SERVICE + "/details", Permission.EDIT_SUBSCRIBERS, service_page.change_details),
    Route("POST", SERVICE + "/plan", Permission.EDIT_SUBSCRIBERS, service_page.change_plan),
    Route("POST", SERVICE + "/pause", Permission.EDIT_SUBSCRIBERS, service_page.pause),
    Route("POST", SERVICE + "/terms", Permission.EDIT_MONEY, service_page.change_terms),
    Route("POST", SERVICE + "/top-up", Permission.RECORD_PAYMENTS, service_page.top_up),
    Route("POST", SERVICE + "/terminate", Permission.EDIT_SUBSCRIBERS, service_page.terminate),
    Route("GET", "/batches", Permission.EDIT_SUBSCRIBERS, batches.show_list),
    Route("GET", _JOB, Permission.EDIT_SUBSCRIBERS, batches.show),
    Route("GET", "/live" + _JOB, Permission.EDIT_SUBSCRIBERS, batches.live),
    Route("POST", _JOB + "/start", Permission.EDIT_SUBSCRIBERS, batches.start),
    Route("POST", _JOB + "/stop", Permission.EDIT_SUBSCRIBERS, batches.stop),
    Route("GET", _JOB + "/rejected.csv", Permission.EDIT_SUBSCRIBERS, batches.rejected),
)
