"""Keeps the certificates fit while the daemon runs: renews our own, and says which others need a person."""

import asyncio
import logging
from datetime import datetime
from typing import Final

from netbilld.adapters.certificate_authority import CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles, is_there, judge_authority, judge_server
from netbilld.adapters.clock import SystemClock
from netbilld.model.errors import NetbilldError

LOOK_SECONDS: Final = 3600.0
_SAID_AGAIN_SECONDS: Final = 86_400.0
logger = logging.getLogger("netbilld.daemon")


class CertificateCare:
    """Looks after `data_dir/certs`, where there is anything.

    Attributes:
        troubles: what a person must do something about; empty while all is well.
    """

    def __init__(self, files: CertificateFiles, names: tuple[str, ...], clock: SystemClock) -> None:
        self.troubles: list[str] = []
        self._files = files
        self._names = names
        self._clock = clock
        self._said_at_mono: dict[str, float] = {}

    async def look(self) -> None:
        """Renew the server certificate in its last 30 days, and name what is wrong; to be called every hour."""
        self.troubles = await asyncio.to_thread(self._look, self._clock.now())
        now_mono = self._clock.monotonic()
        said = {trouble: self._said_at_mono.get(trouble) for trouble in self.troubles}
        for trouble, at_mono in said.items():
            if at_mono is None or now_mono - at_mono >= _SAID_AGAIN_SECONDS:
                logger.warning("%s", trouble, extra={"event": "certificate"})
                said[trouble] = now_mono
        self._said_at_mono = {trouble: at_mono for trouble, at_mono in said.items() if at_mono is not None}

    def _look(self, now: datetime) -> list[str]:
        if not is_there(self._files.server):
            return []
        troubles = []
        try:
            renewed = CertificateAuthority(self._files).renew_server_in_time(now)
        except NetbilldError as error:
            troubles.append(f"the server certificate can't be renewed: {error}")
        else:
            if renewed is not None:
                on = f"{renewed.not_valid_after_utc:%Y-%m-%d}"
                logger.info("server certificate renewed until %s", on, extra={"event": "certificate_renewed"})
        findings = judge_server(self._files, now, self._names) + judge_authority(self._files, now)
        return troubles + [f"{finding.message}; {finding.hint}" for finding in findings]
