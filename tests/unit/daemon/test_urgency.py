import os

import pytest

from netbilld.daemon.urgency import step_back


def test_a_sandbox_that_forbids_it_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_increment: int) -> int:
        raise PermissionError("setpriority is filtered")

    monkeypatch.setattr(os, "nice", refuse)
    step_back(5)
