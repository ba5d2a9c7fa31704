"""A session as the meter has it."""

from typing import Any, Final

from netbilld.accounting.session import Session, SessionState
from tests.accounting_packets import NAS, T0

_SESSION: Final = Session(
    id=1,
    nas_id=NAS,
    service_id=None,
    username="budi",
    acct_session_id="81100007",
    acct_session_key="81100007",
    state=SessionState.LIVE,
    framed_ip=None,
    ipv6_prefix=None,
    delegated_prefix=None,
    mac=None,
    nas_port_id=None,
    nas_source=None,
    started_at=T0,
    updated_at=T0,
    stopped_at=None,
    terminate_cause=None,
    session_seconds=0,
    interval_seconds=0,
    upload_octets=0,
    download_octets=0,
    counter_upload_octets=0,
    counter_download_octets=0,
    swapped=False,
    upload_bps=0,
    download_bps=0,
)


def session(**changes: Any) -> Session:
    """Return an open session of nobody's service that has moved nothing, but for `changes`."""
    return _SESSION._replace(**changes)
