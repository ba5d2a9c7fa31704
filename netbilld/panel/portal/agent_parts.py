"""The services behind the pages of agents."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from netbilld.panel.selling_parts import LedgerReads
from netbilld.services.keep_agents import Agents, KeepAgents
from netbilld.services.sell_from_deposit import SellFromDeposit
from netbilld.services.sign_in_agent import SignInAgent


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
    sell: SellFromDeposit
    sign_in: SignInAgent
