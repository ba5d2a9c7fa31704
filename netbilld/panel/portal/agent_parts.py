"""The services behind the pages of agents."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from netbilld.panel.selling_parts import LedgerReads
from netbilld.services.keep_agents import Agents, KeepAgents, SignInAgent


class Work(Protocol):
    @property
    def agents(self) -> Agents: ...
    @property
    def ledger(self) -> LedgerReads: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What the pages of agents are handed."""

    store: Store
    keep: KeepAgents
    sign_in: SignInAgent
