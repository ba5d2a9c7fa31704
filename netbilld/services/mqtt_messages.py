"""What the messages say, each by its schema in docs/mqtt: a new field keeps the version, a changed one raises it."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.billing.plan import Plan
from netbilld.enforcement.desired import DesiredService
from netbilld.model.periods import BillingPeriod
from netbilld.services.live_views import LiveNas, LiveService, LiveSession
from netbilld.services.order_news import OrderNews

VERSION: Final = 1
CLEARED: Final = b""


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document of ours as JSON; instants are UTC with a Z."""
    return encode_theirs({"v": VERSION, **document})


def encode_theirs(document: Mapping[str, Any]) -> bytes:
    """Return a document of somebody else's format as JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, UUID | date):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")


def instant(at: datetime) -> str:
    """Return an aware UTC instant as text, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def state_document(service: LiveService) -> dict[str, Any]:
    """Return what a service is due and whether it is online."""
    newest = max(service.sessions, key=lambda session: session.started_at, default=None)
    return {
        "service_id": service.service_id,
        "subscriber_no": service.subscriber_no,
        "username": service.username,
        "status": service.status,
        "access": service.access,
        "reason": service.reason,
        "since": service.since_at,
        "until": service.until_at,
        "observed": newest.observed if newest is not None else None,
        "online": bool(service.sessions),
        "sessions": len(service.sessions),
    }


def usage_document(service: LiveService, plan: Plan, period: BillingPeriod) -> dict[str, Any]:
    """Return what a service has used in the billing period, and what its plan leaves it; None without an allowance."""
    _, upload_octets, download_octets = service.periods.get(period.start_on, (period.end_on, 0, 0))
    counted = service.counted.get(period.start_on)
    if counted is None:
        counted = plan.counted_octets(upload_octets, download_octets)
    counted += service.limits.others_octets
    limit = service.limits.octets
    if limit is None and plan.allowance is not None:
        limit = plan.allowance.data_octets
    return {
        "service_id": service.service_id,
        "plan": plan.code,
        "period_start": period.start_on,
        "period_end": period.end_on,
        "upload_octets": upload_octets,
        "download_octets": download_octets,
        "counted_octets": counted,
        "limit_octets": limit,
        "remaining_octets": None if limit is None else max(0, limit - counted),
    }


def session_document(session: LiveSession) -> dict[str, Any]:
    """Return one open session."""
    return {
        "session_id": session.session_id,
        "service_id": session.service_id,
        "username": session.username,
        "nas": session.nas,
        "nas_id": session.nas_id,
        "acct_session_id": session.acct_session_id,
        "state": session.state,
        "framed_ip": session.framed_ip,
        "ipv6_prefix": session.ipv6_prefix,
        "delegated_prefix": session.delegated_prefix,
        "mac": session.mac,
        "started_at": session.started_at,
        "updated_at": session.updated_at,
        "session_seconds": session.session_seconds,
        "upload_octets": session.upload_octets,
        "download_octets": session.download_octets,
        "upload_bps": session.upload_bps,
        "download_bps": session.download_bps,
        "observed": session.observed,
        "evidence": session.evidence,
    }


def nas_document(nas: LiveNas, state: str, *, answers_orders: bool, orders_waiting: int) -> dict[str, Any]:
    """Return how a NAS does: `state` is heard, silent or never."""
    return {
        "nas_id": nas.nas_id,
        "name": nas.name,
        "vendor": nas.vendor,
        "state": state,
        "sessions": nas.sessions,
        "answers_orders": answers_orders,
        "orders_waiting": orders_waiting,
    }


def health_document(node: str, reasons: Sequence[str], notices: Sequence[str]) -> dict[str, Any]:
    """Return what /readyz says."""
    return {"node": node, "ready": not reasons, "reasons": list(reasons), "notices": list(notices)}


def status_document(node: str, state: str, version: str) -> dict[str, Any]:
    """Return whether a node is there: `state` is online or offline."""
    return {"node": node, "state": state, "version": version}


def alert_document(
    node: str,
    alert: str,
    text: str,
    at: datetime,
    *,
    raised: bool,
    service_id: UUID | None = None,
    nas_id: UUID | None = None,
) -> dict[str, Any]:
    """Return that something went wrong, or is well again.

    `alert` is reason, notice or nas_silent, or of enforcement not_done, no_orders or not_back, with whose it is.
    """
    document: dict[str, Any] = {
        "node": node,
        "event": "raised" if raised else "cleared",
        "alert": alert,
        "text": text,
        "at": at,
    }
    if nas_id is not None:
        document |= {"service_id": service_id, "nas_id": nas_id}
    return document


def due_document(due: DesiredService, at: datetime) -> dict[str, Any]:
    """Return that a service is due something else from now on."""
    return {
        "event": "due",
        "service_id": due.service_id,
        "access": due.access.value,
        "reason": due.reason,
        "cause": due.cause,
        "until": due.until_at,
        "at": at,
    }


def order_document(news: OrderNews, service_id: UUID) -> dict[str, Any]:
    """Return a step of an order to a NAS."""
    return {
        "event": f"order_{news.step}",
        "service_id": service_id,
        "session_id": news.session_id,
        "action": news.action,
        "access": news.access,
        "reason": news.reason,
        "nas": news.nas,
        "error_cause": news.error_cause,
        "detail": news.detail,
        "at": news.at,
    }


def session_event_document(session: Session, *, began: bool) -> dict[str, Any]:
    """Return that a session has begun or ended."""
    return {
        "event": "session_began" if began else "session_ended",
        "service_id": session.service_id,
        "session_id": session.id,
        "nas_id": session.nas_id,
        "terminate_cause": session.terminate_cause,
        "session_seconds": session.session_seconds,
        "upload_octets": session.upload_octets,
        "download_octets": session.download_octets,
        "at": session.started_at if began or session.stopped_at is None else session.stopped_at,
    }


def reading_document(
    key: str, result: str, reason: str | None, at: datetime, accepted: int, refused: int
) -> dict[str, Any]:
    """Return what became of a meter's newest reading: `result` is counted, accepted or refused."""
    return {"key": key, "result": result, "reason": reason, "accepted": accepted, "refused": refused, "at": at}


_ICONS: Final = {"used": "mdi:counter", "limit": "mdi:gauge-full", "remaining": "mdi:gauge-low", "state": "mdi:web"}


def home_assistant_document(
    service: LiveService, plan: Plan, topics: Mapping[str, str], version: str, availability: str | None
) -> dict[str, Any]:
    """Return Home Assistant's discovery of a service as a device with four sensors.

    The format is theirs: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload

    Args:
        service: whose.
        plan: its plan.
        topics: its `state` and `usage`.
        version: netbilld's.
        availability: where a node says whether it is there; None where one of several may be away.
    """
    own = f"netbilld_{service.service_id.hex}"

    def octets(key: str, name: str, field: str, **more: str) -> dict[str, Any]:
        return {
            "p": "sensor",
            "unique_id": f"{own}_{key}",
            "name": name,
            "icon": _ICONS[key],
            "state_topic": topics["usage"],
            "value_template": f"{{{{ value_json.{field} }}}}",
            "device_class": "data_size",
            "unit_of_measurement": "B",
            "suggested_unit_of_measurement": "GB",
            "suggested_display_precision": 2,
            **more,
        }

    sensors = {"used": octets("used", "Used", "counted_octets", state_class="total_increasing")}
    gone = {"p": "sensor"}  # says that there is none any more, should there have been one under an earlier plan
    has_limit = plan.allowance is not None
    sensors["limit"] = octets("limit", "Limit", "limit_octets") if has_limit else gone
    sensors["remaining"] = octets("remaining", "Remaining", "remaining_octets") if has_limit else gone
    sensors["state"] = {
        "p": "sensor",
        "unique_id": f"{own}_state",
        "name": "State",
        "icon": _ICONS["state"],
        "state_topic": topics["state"],
        "value_template": "{{ value_json.access }}",
        "json_attributes_topic": topics["state"],
    }
    document: dict[str, Any] = {
        "dev": {"ids": [own], "name": f"Internet {service.username}", "mf": "netbilld", "mdl": plan.name},
        "o": {"name": "netbilld", "sw": version},
        "cmps": sensors,
        "qos": 1,
    }
    if availability is not None:
        document["avty_t"] = availability
        document["avty_tpl"] = "{{ value_json.state }}"
    return document
