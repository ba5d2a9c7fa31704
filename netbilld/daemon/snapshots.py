"""Takes the snapshot that a start without the database begins with: seldom, and in a process of its own."""

import asyncio
import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.daemon.beginning import snapshot_path
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.settings import Settings
from netbilld.daemon.systemd import ENVIRONMENT
from netbilld.model.errors import NetbilldError

_log = logging.getLogger(__name__)

TAKE_SECONDS: Final = 600.0  # longest that one may take
_REST: Final = 30  # times as long as one took are between two: a thirtieth of one core at most
_AGAIN_SECONDS: Final = 10.0  # after a first failure: whether the database has gone away is known by then
_SOONER: Final = 5  # a change is in the snapshot after a fifth of the time in which one is taken anyway


class Snapshots:
    """Takes one after the start, after changes, and as often as the settings say.

    Attributes:
        taken_at: when the newest one was taken; None where there is none.
        octets: its size.
        took_seconds: how long it took; None for one of an earlier process.
        trouble: why the last one could not be taken, so that an older one stays; None while all is well.
    """

    def __init__(self, settings: Settings, config: Path | None, knowledge: Knowledge, clock: SystemClock) -> None:
        self._seconds = settings.outage.snapshot_seconds
        self._config = config
        self._knowledge = knowledge
        self._clock = clock
        self._changed = asyncio.Event()
        self.taken_at: datetime | None = None
        self.octets = 0
        self.took_seconds: float | None = None
        self.trouble: str | None = None
        with suppress(OSError):
            found = snapshot_path(settings).stat()
            self.taken_at, self.octets = datetime.fromtimestamp(found.st_mtime, UTC), found.st_size

    def changed(self, is_news: bool) -> None:
        """Take note that somebody has changed something."""
        if is_news:
            self._changed.set()

    async def run(self) -> None:
        """Take one after the other, for ever.

        One that can't be taken is tried again soon, since the database may have gone away while it was being read, and
        after as long a rest as ever where that fails, too.
        """
        while True:
            while not self._knowledge.is_fresh:  # noqa: ASYNC110 - a database that is back tells nobody
                await asyncio.sleep(1)
            self._changed.clear()
            began_mono = self._clock.monotonic()
            before, trouble = self.trouble, await self._try()
            took_seconds = self._clock.monotonic() - began_mono
            self._tell(trouble)
            if trouble is None:
                self.took_seconds = took_seconds
            least_seconds = max(self._seconds / _SOONER, _REST * took_seconds)
            if trouble is not None:
                await asyncio.sleep(_AGAIN_SECONDS if before is None else least_seconds)
                continue
            await asyncio.sleep(least_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds - least_seconds):
                    await self._changed.wait()

    async def _try(self) -> str | None:
        try:
            await self._take()
        except (NetbilldError, OSError, ValueError) as error:
            return str(error)
        return None

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self.trouble:
            _log.error("%s; the older one stays", trouble, extra={"event": "snapshot_failed"})
        elif trouble is None and self.trouble is not None:
            _log.warning("a snapshot is taken again", extra={"event": "snapshot_recovered"})
        self.trouble = trouble

    async def _take(self) -> None:
        options = [] if self._config is None else ["--config", str(self._config)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "netbilld.daemon.take_snapshot",
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name not in ENVIRONMENT},
        )
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                said, complaint = await process.communicate()
        except TimeoutError:
            raise NetbilldError(f"the snapshot was not taken within {TAKE_SECONDS:.0f} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            lines = complaint.decode(errors="replace").strip().splitlines()
            raise NetbilldError(f"no snapshot could be taken: {lines[-1] if lines else process.returncode}")
        told = json.loads(said)
        self.taken_at, self.octets = datetime.fromisoformat(told["taken_at"]), told["octets"]
