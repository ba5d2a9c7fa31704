"""What is said of an order where it is written down or told of."""

from datetime import datetime

from netbilld.enforcement.actions import ChangeOfAuthorization, Disconnect, EnterList, Order
from netbilld.enforcement.ladder import door_of
from netbilld.enforcement.observed import Evidence
from netbilld.radius.grant import Grant, encode_grant
from netbilld.services.order_book import Action, Alert, AttemptEnd, NewAttempt, Observation, SessionToCheck
from netbilld.services.order_news import OrderNews, Step
from netbilld.services.order_queue import WaitingOrder


def action_of(order: Order) -> Action:
    """Return the word for an order."""
    if isinstance(order, ChangeOfAuthorization):
        return "coa"
    if isinstance(order, Disconnect):
        return "disconnect"
    return "enter_list" if isinstance(order, EnterList) else "leave_list"


def attempt_of(waiting: WaitingOrder, now: datetime) -> NewAttempt:
    """Return an order as it is written down before it leaves."""
    session = waiting.session
    desired = session.desired
    requested = session.disconnect_requested_at
    return NewAttempt(
        session_id=session.session_id,
        service_id=session.service_id,
        nas_id=session.nas.nas_id,
        action=action_of(waiting.order),
        access=desired.access.value if desired else "",
        reason="requested" if requested else desired.reason if desired else "",
        profile_key=desired.profile_key if desired else "",
        due_at=requested or (desired.since_at if desired else now),
        sent_at=now,
        via=door_of(waiting.order).value,
        rung=waiting.at.rung,
        step=waiting.at.step,
        change=waiting.change.value if waiting.change is not None else None,
    )


def news_of(step: Step, at: datetime, waiting: WaitingOrder, end: AttemptEnd | None = None) -> OrderNews:
    """Return one step of an order, to be told."""
    order = attempt_of(waiting, at)
    return OrderNews(
        step,
        at,
        order.session_id,
        order.service_id,
        order.action,
        order.access or None,
        order.reason or None,
        waiting.session.nas.name,
        end.error_cause if end is not None else None,
        end.detail if end is not None else None,
    )


def class_value(session: SessionToCheck) -> bytes:
    """Return the Class that a CoA gives a session where its vendor takes one."""
    if session.desired is None or session.service_id is None:
        return b""
    return encode_grant(Grant(session.service_id, session.desired.access.value, session.desired.profile_key))


def observation_of(session: SessionToCheck, evidence: Evidence, at: datetime) -> Observation:
    """Return that a session has what it is due."""
    assert session.desired is not None  # noqa: S101 - there is nothing to be seen without a wish
    assert session.service_id is not None  # noqa: S101 - a wish is a service's
    desired = session.desired
    return Observation(session.session_id, session.service_id, desired.access, desired.profile_key, evidence, at)


def alert_of(session: SessionToCheck, order: Order | None, words: str, at: datetime) -> Alert:
    """Return what a person is to be told of a session that isn't brought to what it is due."""
    return Alert(
        session.session_id,
        session.service_id,
        session.username,
        session.nas.nas_id,
        session.nas.name,
        session.desired.access.value if session.desired is not None else None,
        action_of(order) if order is not None else None,
        words,
        at,
    )
