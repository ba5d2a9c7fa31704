"""Who is meant: conditions for whatever somebody types, and subscribers that a text names exactly."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true, union_all

from netbilld.adapters.database.queries import escaped, like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    address_leases,
    address_pools,
    credentials,
    invoices,
    nas,
    service_locks,
    services,
    sessions,
    subscribers,
)
from netbilld.model.contact import parse_phone
from netbilld.model.errors import InvalidInputError
from netbilld.radius.values import normalise_mac

MOST_WORDS: Final = 6
_SHORTEST_PREFIX: Final = 16
_SHORTEST_NUMBER: Final = 4  # digits of a telephone number that are worth looking for


def matching(text: str, *, sees_money: bool) -> ColumnElement[bool]:
    """Return the condition of services, joined with subscribers, that a text may mean.

    Every word must be found somewhere; or the whole text is a telephone number, an address or an invoice.
    """
    wanted = " ".join(text.split())
    if not wanted:
        return true()
    of_subscriber = select(services.c.id).join(subscribers, subscribers.c.id == services.c.subscriber_id)
    ways = [_said(wanted.split(" ")[:MOST_WORDS]), *(of_subscriber.where(phone) for phone in _as_phone(wanted))]
    ways += _by_device(wanted)
    if sees_money and _may_be_invoice(wanted):
        ways.append(of_subscriber.where(subscribers.c.id.in_(_by_invoice(wanted))))
    # one list of those who are meant, and then they alone: nobody else is looked at a second time
    return services.c.id.in_(union_all(*ways) if len(ways) > 1 else ways[0])


def rank(text: str) -> ColumnElement[int]:
    """Return how well a row fits: 0 a number or name as typed, 1 a name that begins so, 2 a word of it, 3 the rest."""
    wanted = " ".join(text.lower().split())
    name = func.lower(subscribers.c.name)
    begins = escaped(wanted) + "%"
    return case(
        (or_(subscribers.c.number == wanted, name == wanted), 0),
        (name.like(begins, escape="\\"), 1),
        (name.like(f"% {begins}", escape="\\"), 2),
        else_=3,
    )


def exact_queries(text: str, *, sees_money: bool) -> Iterable[Select[Any]]:
    """Yield queries for the numbers of subscribers that a text names exactly; each goes by an index."""
    wanted = text.strip()
    if not wanted:
        return
    numbers = select(subscribers.c.number)
    of_service = numbers.join(services, services.c.subscriber_id == subscribers.c.id)
    if wanted.isascii() and wanted.isdigit():
        yield numbers.where(subscribers.c.number == wanted)
    yield of_service.join(credentials, credentials.c.service_id == services.c.id).where(
        credentials.c.name_key == credential_key(wanted)
    )
    with suppress(InvalidInputError):
        yield numbers.where(subscribers.c.phone == parse_phone(wanted)).limit(2)
    for query in _by_device(wanted):
        yield of_service.where(services.c.id.in_(query)).distinct().limit(2)
    if sees_money and _may_be_invoice(wanted):
        yield numbers.where(subscribers.c.id.in_(_by_invoice(wanted)))


def _said(words: Sequence[str]) -> Select[Any]:
    """Return the query for services of which every word is said somewhere.

    User names are gone through once for all words: the planner would do so anew for each of them. Words that are
    likely to be of few people are looked for first, and the others in what is left.
    """
    needles = [like(word.lower()) for word in sorted(words, key=_commonness)]
    written = (
        select(credentials.c.service_id, func.lower(credentials.c.name).label("name"))
        .offset(0)  # so that it is not put into lower case again for each word
        .subquery("written")
    )
    found = [written.c.name.like(needle, escape="\\") for needle in needles]
    names = (
        select(written.c.service_id, *(_any(one).label(f"word_{place}") for place, one in enumerate(found)))
        .where(or_(*found))
        .group_by(written.c.service_id)
        .subquery("names")
    )
    site = func.lower(services.c.site)
    every = (
        or_(
            subscribers.c.said.like(needle, escape="\\"),
            names.c[f"word_{place}"] == 1,
            and_(services.c.site.is_not(None), site.like(needle, escape="\\")),
        )
        for place, needle in enumerate(needles)
    )
    return (
        select(services.c.id)
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .outerjoin(names, names.c.service_id == services.c.id)
        .where(and_(*every))
    )


def _commonness(word: str) -> tuple[bool, int]:
    """Return how to order words by how many people they are likely to be said of, the fewest first."""
    return not any(sign.isdigit() for sign in word), -len(word)


def _any(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return 1 for a group in which it is so of any row, else 0."""
    return func.max(case((condition, 1), else_=0))


def _as_phone(text: str) -> list[ColumnElement[bool]]:
    """Return how a part of a telephone number is stored, which is E.164, however it is dialled or spaced."""
    if any(not (sign.isdigit() or sign in " +-().") for sign in text):
        return []
    digits = "".join(sign for sign in text if sign.isascii() and sign.isdigit())
    if len(digits) < _SHORTEST_NUMBER:
        return []
    if digits.startswith("0"):
        return [subscribers.c.phone.like(f"+62{digits[1:]}%")]
    return [subscribers.c.phone.like(f"%{digits}%")]


def _by_device(text: str) -> list[Select[Any]]:
    """Return queries for services by a device's address, whatever kind it is; none where the text is none."""
    mac = normalise_mac(text)
    if mac is not None:
        # by the router first: that is how open sessions are indexed
        routers = select(nas.c.id)
        open_now = (sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None))
        return [
            select(credentials.c.service_id).where(credentials.c.name_key == credential_key(mac)),
            select(service_locks.c.service_id).where(service_locks.c.value == mac),
            select(sessions.c.service_id).where(sessions.c.nas_id.in_(routers), sessions.c.mac == mac, *open_now),
        ]
    try:
        address = ip_address(text)
    except ValueError:
        return []
    return _by_address(address)


def _by_address(address: IPv4Address | IPv6Address) -> list[Select[Any]]:
    written = str(address)
    is_open = (sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None))
    names = [written]
    found = [
        select(services.c.id).where(services.c.static_ip == written, services.c.ended_at.is_(None)),
    ]
    if isinstance(address, IPv4Address):
        found.append(select(sessions.c.service_id).where(sessions.c.framed_ip == written, *is_open))
    else:
        whole = ip_network(f"{written}/128")
        names += [str(whole.supernet(new_prefix=length)) for length in range(_SHORTEST_PREFIX, 128)]
        found += [
            select(sessions.c.service_id).where(column.in_(names), *is_open)
            for column in (sessions.c.ipv6_prefix, sessions.c.delegated_prefix)
        ]
        found += [
            select(services.c.id).where(column.in_(names), services.c.ended_at.is_(None))
            for column in (services.c.ipv6_prefix, services.c.delegated_prefix)
        ]
    found.append(
        select(address_leases.c.service_id).where(
            address_leases.c.pool_id.in_(select(address_pools.c.id)),  # that is how it is indexed
            address_leases.c.address.in_(names),
            address_leases.c.released_at.is_(None),
        )
    )
    return found


def _may_be_invoice(text: str) -> bool:
    written = text.strip()
    return len(written) >= _SHORTEST_NUMBER and " " not in written


def _by_invoice(text: str) -> Select[Any]:
    written = text.strip()
    return select(invoices.c.subscriber_id).where(invoices.c.number.in_({written, written.upper()}))
