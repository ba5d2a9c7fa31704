"""Log-in attempts in the binary format of PostgreSQL's COPY (manual, COPY, "Binary Format").

One is written for every log-in there is, so they are put together here instead of field by field in the driver: half
the cost. What is out of the ordinary takes the same values that `attempt_row` gives SQLite.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Final

from netbilld.adapters.database.attempt_row import MAX_INTEGER, NORMAL_MAC, attempt_row
from netbilld.radius.values import lookup_key
from netbilld.services.attempt_buffer import LoginAttempt

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # of timestamptz, which counts microseconds
_MICROSECOND: Final = timedelta(microseconds=1)
_FIELDS: Final = 11
_NULL: Final = b"\xff\xff\xff\xff"
_UUID_HEADER: Final = (16).to_bytes(4, "big")
_BEGIN: Final = Struct("!hiqi16s").pack
_TEXT_HEADER: Final = Struct("!i").pack
_LATENCY: Final = Struct("!ii").pack
_PLAIN_OCTETS: Final = 64  # names as long as this or shorter


def encoded(attempts: Sequence[LoginAttempt]) -> bytes:
    """Return rows of `auth_attempts` in the order of `ATTEMPT_COLUMNS`, without signature and trailer."""
    return b"".join([_encoded(attempt) for attempt in attempts])


def _encoded(attempt: LoginAttempt) -> bytes:
    at, nas_id, user_name, service_id, method, result, reason, latency_us, mac, detail = attempt
    if len(user_name) <= _PLAIN_OCTETS and user_name.isascii() and b"\0" not in user_name:
        name, key = user_name, lookup_key(user_name)
    else:
        row = attempt_row(attempt)
        name, key = row[2].encode(), row[3].encode()
    if mac is None:
        station = _NULL
    elif NORMAL_MAC.fullmatch(mac):
        station = b"\0\0\0\x11" + mac
    else:
        station = _text(attempt_row(attempt)[9])
    return b"".join(
        (
            _BEGIN(_FIELDS, 8, (at - _EPOCH) // _MICROSECOND, 16, nas_id.bytes),
            _TEXT_HEADER(len(name)),
            name,
            _TEXT_HEADER(len(key)),
            key,
            _NULL if service_id is None else _UUID_HEADER + service_id.bytes,
            _word(method),
            _word(result),
            _word(reason),
            _LATENCY(4, min(latency_us, MAX_INTEGER)),
            station,
            _NULL if detail is None else _text(attempt_row(attempt)[10]),
        )
    )


def _text(said: str) -> bytes:
    octets = said.encode()
    return _TEXT_HEADER(len(octets)) + octets


@lru_cache(maxsize=256)
def _word(said: str) -> bytes:
    """Return one of the few words for methods, results and reasons."""
    return _text(str(said))
