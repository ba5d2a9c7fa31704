"""What `netbilld doctor` says of devices read over SNMP, by what the daemon has last learned of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.adapters.database.engine import Database
from netbilld.cli.cells import octets
from netbilld.cli.checks import Check
from netbilld.model.device_state import DeviceState
from netbilld.model.nas import Nas
from netbilld.services.poll_devices import is_polled

_DAY: Final = timedelta(days=1)


async def check_devices(database: Database, now: datetime) -> list[Check]:
    """Return how each device is that SNMP is set for, what is in doubt, and what accounting lacks.

    Raises:
        StoreUnavailableError: the database is away.
    """
    async with database.read() as work:
        states = {state.nas_id: state for state in await work.devices.states()}
        polled = [nas for nas in await work.nas.all() if is_polled(nas)]
        doubts = await work.meters.doubts("open")
        lacking = await work.cross_checks.lines(now - _DAY, now, limit=5)
    checks = [line for nas in polled for line in _device(nas, states)]
    if doubts:
        said = f"{len(doubts)} readings are faster than their port can be and are not billed"
        checks.append(Check("meters", "warn", said, "`netbilld meter doubts` shows them; accept or reject each"))
    for line in lacking:
        said = f"accounting lacks {octets(line.missing_octets)} of the hour of {line.hour_at:%Y-%m-%d %H:%M} UTC"
        checks.append(Check(f"nas {line.nas_name} crosscheck", "warn", said, "`netbilld usage crosscheck`"))
    return checks


def _device(nas: Nas, states: Mapping[UUID, DeviceState]) -> Iterator[Check]:
    name, state = f"nas {nas.name} snmp", states.get(nas.id)
    if state is None:
        yield Check(name, "unknown", "SNMP is set, and no daemon has read it yet", "`netbilld serve` reads it")
    elif state.trouble:
        hint = f"`netbilld nas set {nas.name} --snmp-community …`, or see that its agent lets this machine in"
        yield Check(name, "warn", f"can't be read: {state.trouble}", hint)
    else:
        yield Check(name, "ok", f"answered {state.answered_at:%Y-%m-%d %H:%M:%S} UTC")
        for note in state.notes:
            yield Check(name, "warn", note, "`netbilld meter list` shows what is metered by what")
