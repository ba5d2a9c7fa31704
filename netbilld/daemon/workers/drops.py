"""Who got silence, and why, over the daemon and its workers."""

from collections.abc import Sequence
from typing import Any

from netbilld.daemon.drop_ledger import DropLedger
from netbilld.daemon.workers.pool import WorkerPool


class DropsOfAll:
    """Reads every process's ledger as one."""

    def __init__(self, own: DropLedger, workers: WorkerPool | None) -> None:
        self._own = own
        self._workers = workers

    async def read(self, names: Sequence[str], nas: str | None) -> dict[str, Any]:
        """Return `{"names", "sources"}`: the lines of these names, and of a NAS or of every source, newest first."""
        found = self._own.read(names, nas)
        if self._workers is not None:
            for more in await self._workers.ask({"verb": "drops", "names": list(names), "nas": nas}):
                found["names"] += more["names"]
                found["sources"] += more["sources"]
            found["sources"].sort(key=lambda line: line["last_at"], reverse=True)
        return found
