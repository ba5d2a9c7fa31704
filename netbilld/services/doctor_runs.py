"""DoctorRuns: examinations that somebody asked for on a page: how far each is, and what came of the last."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from netbilld.model.errors import NetbilldError
from netbilld.services.doctor_nas import Examination, Step, Tell

_AT_ONCE: Final = 4
_MOST_WAITING: Final = 32
_MOST_KEPT: Final = 500  # one for each NAS
_LONGEST_SECONDS: Final = 120.0
logger = logging.getLogger("netbilld.doctor")


@dataclass(frozen=True, slots=True)
class Run:
    """One examination.

    Attributes:
        done: the steps that are behind it.
        found: None until it has ended well.
        trouble: why it could not be done.
    """

    began_at: datetime
    done: frozenset[Step] = field(default_factory=frozenset)
    found: Examination | None = None
    trouble: str = ""

    @property
    def is_over(self) -> bool:
        return self.found is not None or bool(self.trouble)


class Doctor(Protocol):
    async def run(self, name: str, now: datetime, tell: Tell = ...) -> Examination: ...


class DoctorRuns:
    """Runs examinations, a few beside each other; the newest of each NAS is kept until the daemon ends."""

    def __init__(self, doctor: Doctor, now: Callable[[], datetime]) -> None:
        self._doctor = doctor
        self._now = now
        self._runs: dict[str, Run] = {}
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)

    def newest(self, name: str) -> Run | None:
        """Return the newest examination of a NAS; None where there was none."""
        return self._runs.get(name)

    def begin(self, name: str) -> bool:
        """Have a NAS examined, unless that goes on; tell whether it is, or will be."""
        run = self._runs.get(name)
        if run is not None and not run.is_over:
            return True
        if self._waiting.full():
            return False
        while len(self._runs) >= _MOST_KEPT and name not in self._runs:
            del self._runs[next(iter(self._runs))]
        self._runs[name] = Run(self._now())
        self._waiting.put_nowait(name)
        return True

    async def loop(self) -> None:
        """Examine whatever is asked for, for ever."""
        for name, run in self._runs.items():  # left behind by a run of this that failed
            if not run.is_over:
                self._runs[name] = replace(run, trouble="interrupted")
        async with asyncio.TaskGroup() as tasks:
            for number in range(_AT_ONCE):
                tasks.create_task(self._work(), name=f"doctor {number}")

    async def _work(self) -> None:
        while True:
            name = await self._waiting.get()
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    found = await self._doctor.run(name, self._now(), partial(self._tell, name))
                self._end(name, found=found)
            except TimeoutError:
                self._end(name, trouble=f"not ended within {_LONGEST_SECONDS:g} s")
            except NetbilldError as error:
                self._end(name, trouble=str(error))
            except Exception:
                logger.exception("the examination of NAS %s failed", name)
                self._end(name, trouble="it failed; see the daemon's log")

    def _tell(self, name: str, step: Step) -> None:
        run = self._runs.get(name)
        if run is not None:
            self._runs[name] = replace(run, done=run.done | {step})

    def _end(self, name: str, *, found: Examination | None = None, trouble: str = "") -> None:
        run = self._runs.get(name)
        if run is not None:
            self._runs[name] = replace(run, found=found, trouble=trouble)
