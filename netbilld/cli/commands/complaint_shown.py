"""Complaints and outages as verbs show them."""

from datetime import datetime
from typing import Any

from netbilld.services.complaint_views import ComplaintFile, ComplaintLine, OutageLine


def shown_minutes(minutes: int | None) -> str:
    """Return minutes as 3d 4h 05m; empty for none."""
    if minutes is None:
        return ""
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [f"{value}{unit}" for value, unit in ((days, "d"), (hours, "h"), (rest, "m")) if value]
    return " ".join(words) or "0m"


def line_document(line: ComplaintLine, now: datetime) -> dict[str, Any]:
    """Return a complaint of a list as JSON has it."""
    return {
        "number": line.number,
        "subscriber_no": line.subscriber_no,
        "name": line.subscriber_name,
        "area": line.area,
        "category": line.category,
        "state": line.state.value,
        "assignee": line.assignee,
        "outage": line.outage,
        "opened_at": line.opened_at,
        "respond_by": line.respond_by,
        "resolve_by": line.resolve_by,
        "responded_at": line.responded_at,
        "resolved_at": line.resolved_at,
        "closed_at": line.closed_at,
        "reopened": line.reopened,
        "late": line.late(now),
    }


def file_document(file: ComplaintFile, now: datetime) -> dict[str, Any]:
    """Return one complaint in full, as JSON has it."""
    complaint = file.complaint
    return {
        "number": complaint.number,
        "subscriber_no": file.subscriber.number,
        "name": file.subscriber.name,
        "username": file.username,
        "category": file.category.code,
        "text": complaint.text,
        "via": complaint.via,
        "state": complaint.state.value,
        "assignee": file.assignee_email,
        "outage": file.outage.number if file.outage is not None else None,
        "opened_at": complaint.opened_at,
        "respond_by": complaint.respond_by,
        "resolve_by": complaint.resolve_by,
        "responded_at": complaint.responded_at,
        "resolved_at": complaint.resolved_at,
        "closed_at": complaint.closed_at,
        "reopened": complaint.reopened,
        "late": complaint.deadlines.late(now),
        "photos": len(file.photos),
        "steps": [
            {
                "at": step.at,
                "by": step.actor,
                "kind": step.kind,
                "state": step.state,
                "assignee": step.assignee,
                "text": step.text,
                "public": step.public,
            }
            for step in file.steps
        ],
    }


def outage_document(line: OutageLine) -> dict[str, Any]:
    """Return an outage as JSON has it."""
    outage = line.outage
    return {
        "number": outage.number,
        "area": outage.area,
        "nas": line.nas,
        "text": outage.text,
        "began_at": outage.began_at,
        "expected_at": outage.expected_at,
        "declared_by": outage.declared_by,
        "ended_at": outage.ended_at,
        "ended_text": outage.ended_text,
        "subscribers": line.subscribers,
        "complaints": line.complaints,
    }
