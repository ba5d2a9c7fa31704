"""The part of the URL map that is about complaints, jobs and outages."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import ID, Route
from netbilld.panel.staff import complaint_reports, complaints, jobs, outages
from netbilld.panel.uploads import LARGEST_UPLOAD_OCTETS
from netbilld.panel.within import Within

_COMPLAINT: Final = r"/complaints/{complaint:K\d{5,12}}"
_JOB: Final = r"/jobs/{complaint:K\d{5,12}}"
_OUTAGE: Final = r"/outages/{outage:G\d{5,12}}"
_VIEW, _EDIT = Permission.VIEW_COMPLAINTS, Permission.EDIT_COMPLAINTS

COMPLAINT_ROUTES: Final = (
    Route("GET", "/complaints", _VIEW, complaints.show_list, within=Within.AREAS),
    Route("GET", "/live/complaints", _VIEW, complaints.live, within=Within.AREAS),
    Route("GET", "/complaints/new", _EDIT, complaints.show_new, within=Within.AREAS),
    Route("POST", "/complaints", _EDIT, complaints.add, LARGEST_UPLOAD_OCTETS, within=Within.AREAS),
    Route("GET", "/complaints/report", _VIEW, complaint_reports.show, within=Within.AREAS),
    Route("GET", "/complaints/report.csv", _VIEW, complaint_reports.export, within=Within.AREAS),
    Route("GET", "/complaints/surveys", _VIEW, complaint_reports.surveys, within=Within.AREAS),
    Route(
        "GET",
        "/complaints/categories",
        Permission.MANAGE_SETTINGS,
        complaint_reports.show_categories,
        within=Within.ANYWHERE,
    ),
    Route("POST", "/complaints/categories", Permission.MANAGE_SETTINGS, complaint_reports.put_category),
    Route("GET", _COMPLAINT, _VIEW, complaints.show),
    Route("GET", "/live" + _COMPLAINT, _VIEW, complaints.live_line),
    Route("GET", f"{_COMPLAINT}/photos/{{photo:{ID}}}", _VIEW, complaints.photo),
    Route("POST", _COMPLAINT + "/assign", _EDIT, complaints.assign),
    Route("POST", _COMPLAINT + "/take", _EDIT, complaints.take),
    Route("POST", _COMPLAINT + "/start", _EDIT, complaints.start),
    Route("POST", _COMPLAINT + "/notes", _EDIT, complaints.note, LARGEST_UPLOAD_OCTETS),
    Route("POST", _COMPLAINT + "/resolve", _EDIT, complaints.resolve),
    Route("POST", _COMPLAINT + "/close", _EDIT, complaints.close),
    Route("POST", _COMPLAINT + "/reopen", _EDIT, complaints.reopen),
    Route("GET", "/jobs", _EDIT, jobs.show_list, within=Within.AREAS),
    Route("GET", "/live/jobs", _EDIT, jobs.live, within=Within.AREAS),
    Route("GET", _JOB, _EDIT, jobs.show),
    Route("GET", "/live" + _JOB, _EDIT, jobs.live_line),
    Route("GET", _JOB + "/signal", _EDIT, jobs.measure),
    Route("POST", _JOB, _EDIT, jobs.finish, LARGEST_UPLOAD_OCTETS),
    Route("POST", _JOB + "/place", _EDIT, jobs.place),
    Route("GET", "/outages", _VIEW, outages.show_list),
    Route("GET", "/outages/declare", _EDIT, outages.show_declare),
    Route("POST", "/outages", _EDIT, outages.declare),
    Route("GET", _OUTAGE, _VIEW, outages.show),
    Route("POST", _OUTAGE + "/end", _EDIT, outages.end),
)
