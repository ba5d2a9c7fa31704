"""What a route is for those of the staff who are limited to areas; who says nothing, shows them nothing.

How to make a page fit for them, in this order:

1. A path under `/subscribers/{number}`, `/invoices/{number}`, `/deliveries/{number}`, `/payments/{…}`, `/sessions/{…}`
   or `/services/{…}` needs nothing: the guard looks up whose it is before the handler runs, and another area's is not
   found (404). Another kind of thing gets a line in SUBJECTS and in `adapters/database/in_areas.py`.
2. A list, search, count or export says `within=Within.AREAS` in its Route and hands `request[VISIT].areas` to what it
   reads, where `in_areas(areas)` goes into the query's `where`. Parts of a live page put `visit.areas` into their
   topic. What acts on somebody named in a form asks `visit.areas.include(area)` first.
3. A page that shows nothing of subscribers says `within=Within.ANYWHERE`.

A route that does none of these answers 403 to them and is not in their menu, so forgetting closes and never opens.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Within(Enum):
    """What somebody who is limited to areas may do at a route without a subject."""

    NOWHERE = "nowhere"  # it is closed to them
    AREAS = "areas"  # it shows and changes what is in the visit's areas, and nothing else
    ANYWHERE = "anywhere"  # it shows and changes nothing of subscribers


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that a path is about.

    Attributes:
        kind: what Whereabouts calls it: subscriber, service, invoice, payment, session, complaint.
        field: the part of the path that names it.
    """

    kind: str
    field: str


Reach = Within | Subject

# the directory in a path, and the kind of thing that the part after it names
SUBJECTS: Final = {
    "subscribers": "subscriber",
    "invoices": "invoice",
    "deliveries": "invoice",
    "payments": "payment",
    "sessions": "session",
    "services": "service",
    "complaints": "complaint",
    "jobs": "complaint",
}
_NAMED: Final = re.compile(r"/([a-z-]+)/\{(\w+)")


def reach_of(path: str) -> Reach:
    """Return what a path says by itself: that it is about a subscriber's thing, where the first it names is one."""
    named = _NAMED.search(path)
    if named is None or named[1] not in SUBJECTS:
        return Within.NOWHERE
    return Subject(SUBJECTS[named[1]], named[2])
