"""What the pages' process tells the daemon: acted upon, and counted on over its restarts."""

import asyncio
from typing import Any

import pytest

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.pages.doors import Door
from netbilld.daemon.pages.keeper import Figures, PageProcess


class Told:
    """What the daemon was asked to do."""

    def __init__(self) -> None:
        self.nudged = 0
        self.callbacks = 0

    async def nudge(self) -> None:
        self.nudged += 1

    def callback_came(self) -> None:
        self.callbacks += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def pages(told: Told) -> PageProcess:
    inside: Any = told
    return PageProcess([Door("panel", ()), Door("portal", ()), Door("portal_tls", ())], inside, None, NodeClock())


async def test_a_change_and_a_callback_are_acted_upon_at_once(pages: PageProcess, told: Told) -> None:
    pages._hear({"say": "nudge"})
    pages._hear({"say": "callback"})
    await asyncio.gather(*pages._asked)
    assert (told.nudged, told.callbacks) == (1, 1)


def test_calls_of_messengers_are_counted_apart_from_those_of_gateways(pages: PageProcess) -> None:
    said = {"callbacks": [("tripay", "taken", 1)], "messengers": [("fonnte", "refused", 7)], "ports": {}}
    pages._hear({"say": "count", **said})
    assert pages.counted("messengers") == {("fonnte", "refused"): 7}
    assert pages.counted("callbacks") == {("tripay", "taken"): 1}


def test_counters_go_on_where_an_earlier_process_has_ended(pages: PageProcess) -> None:
    def count(taken: int, refused: int) -> None:
        ports = {"panel": (5, refused), "portal": (1, 0)}
        pages._hear({"say": "count", "callbacks": [("tripay", "taken", taken)], "ports": ports, "messengers": []})

    count(3, 2)
    count(4, 2)  # what a process counts since its start, told again and again
    assert pages.counted("callbacks") == {("tripay", "taken"): 4}
    pages._gone()
    assert pages.counted("callbacks") == {("tripay", "taken"): 4}
    assert [(port.name, port.connections, port.refused) for port in pages.ports] == [("panel", 0, 2), ("portal", 0, 0)]
    count(1, 1)
    assert pages.counted("callbacks") == {("tripay", "taken"): 5}
    assert pages.ports == [Figures("panel", 5, 1, 2), Figures("portal", 1)]
