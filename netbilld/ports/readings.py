"""Handing in counters of sessions that we have read ourselves."""

from datetime import datetime
from typing import Protocol

from netbilld.accounting.session import Session


class Readings(Protocol):
    """What takes counters that we have read ourselves."""

    def handle(
        self,
        session: Session,
        *,
        upload_octets: int,
        download_octets: int,
        session_seconds: int | None,
        at: datetime,
        source: str,
    ) -> bool:
        """Take one reading; False where it can't be kept."""
        ...
