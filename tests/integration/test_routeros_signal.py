"""How an access point receives a device, read over the API of a router."""

from uuid import UUID

import pytest

from netbilld.adapters.nas.routeros_signal import RouterosSignal
from netbilld.ports.measure_signal import Signal
from tests.router_connections import closed, connected, router
from tests.routeros.fake_router import FakeRouter

NAS = UUID(int=1)
MAC = "48:8F:5A:00:00:17"
__all__ = ["closed", "router"]


def receive(router: FakeRouter, mac: str = MAC, signal: str = "-61") -> None:
    """Let a device be on the air."""
    said = {"mac-address": mac, "interface": "sektor-1", "tx-rate": "130Mbps", "rx-rate": "65Mbps", "uptime": "1d2h"}
    if router.store.major == 6:
        wireless = said | {"signal-strength": f"{signal}dBm@6Mbps", "signal-to-noise": "34"}
        router.store["/interface/wireless/registration-table"].make(wireless)
    else:
        router.store["/interface/wifi/registration-table"].make(said | {"signal": signal})


async def test_the_signal_of_a_device_is_read(router: FakeRouter) -> None:
    """The technician's view: signal readings where the API gives them."""
    receive(router)
    receive(router, "48:8F:5A:00:00:18", "-90")
    measure = RouterosSignal({NAS: connected(router, 10.0)})
    for written in (MAC, MAC.lower(), MAC.replace(":", "-")):
        signal = await measure.of(NAS, written)
        assert signal is not None
        assert (signal.signal_dbm, signal.interface, signal.rx_rate, signal.tone) == (-61, "sektor-1", "65Mbps", "good")
        assert signal.snr_db == (34 if router.store.major == 6 else None)


async def test_what_can_not_be_told_is_none(router: FakeRouter) -> None:
    receive(router, signal="strong")
    measure = RouterosSignal({NAS: connected(router, 10.0)})
    assert await measure.of(NAS, MAC) is None
    assert await measure.of(NAS, "48:8F:5A:00:00:99") is None
    assert await measure.of(UUID(int=2), MAC) is None
    for garbage in ("", "budi", "48:8F:5A:00:00:17\n=.id=*1", "x" * 5_000):
        assert await measure.of(NAS, garbage) is None


@pytest.mark.parametrize(("dbm", "tone"), [(-50, "good"), (-65, "good"), (-66, "warn"), (-75, "warn"), (-76, "bad")])
def test_a_signal_has_a_tone(dbm: int, tone: str) -> None:
    assert Signal(dbm, None, "", "", "", "").tone == tone
