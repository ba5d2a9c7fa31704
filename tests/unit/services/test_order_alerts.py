"""What is said of orders that lead nowhere: of many at one NAS a few by name, of every NAS something."""

import logging
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from netbilld.services.order_book import Alert
from netbilld.services.record_orders import ALERTS_BY_NAME, RecordOrders
from tests.clock import StandingClock

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)


def alert(number: int, nas: str) -> Alert:
    return Alert(number, UUID(int=number), f"budi{number}", UUID(int=9), nas, "walled", "disconnect", "no answer", NOW)


def test_a_dead_nas_with_hundreds_waiting_does_not_bury_the_others(caplog: pytest.LogCaptureFixture) -> None:
    recorder = RecordOrders(cast(Any, None), StandingClock(NOW), cast(Any, None), lambda: 0.5)
    heard: list[Alert] = []
    recorder.on_alert = heard.extend
    alerts = [alert(number, "pop-dead") for number in range(ALERTS_BY_NAME + 300)] + [alert(999, "pop-alive")]
    with caplog.at_level(logging.ERROR, "netbilld.enforcement"):
        recorder.alert(alerts)
    assert len(caplog.messages) == ALERTS_BY_NAME + 2
    assert "'budi999' on NAS pop-alive" in caplog.messages[ALERTS_BY_NAME]
    assert caplog.messages[-1].startswith("300 more services on NAS pop-dead")
    assert heard == alerts, "whoever is told, is told of each"
