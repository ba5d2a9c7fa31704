"""Admission and what it lives by, put together: sessions at once, locks, hours, and addresses after them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from netbilld.accounting.stale import SilencePolicy
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.journal import Journal
from netbilld.daemon.metering import Metering
from netbilld.daemon.nodes import Orders
from netbilld.daemon.settings import Settings
from netbilld.radius.clients import ClientTable
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.admission import Admit
from netbilld.services.authenticate import Admission
from netbilld.services.keep_admissions import KeepAdmissions
from netbilld.services.learned_locks import LearnedLocks
from netbilld.services.live_sessions import LiveSessions
from netbilld.services.reconcile import Reconcile
from netbilld.services.reply_messages import admission_message


class Admissions:
    """`admit` is what log-ins are answered with from the start; `connect` says where the rest of the daemon is."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        addresses: Admission | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.learned = LearnedLocks()
        self.silence = SilencePolicy(settings.radius.interim_interval, settings.metering.stale_minutes * 60)
        self.live = LiveSessions(self.silence)
        self._clients: Callable[[], ClientTable] = lambda: ClientTable(())
        self._directory: AccessDirectory | None = None
        self._metering: Metering | None = None
        self.admit = Admit(
            self.live,
            self.learned,
            self.silence,
            self._hearing_since,
            entropy,
            self._nas_name,
            self._message,
            addresses,
        )

    def connect(
        self,
        database: Database,
        journal: Journal,
        directory: AccessDirectory,
        clients: Callable[[], ClientTable],
        metering: Metering,
        reconcile: Reconcile,
        orders: Orders,
        nudge: Callable[[], None],
    ) -> KeepAdmissions:
        """Return what feeds it and writes down what it decides."""
        self._directory, self._clients, self._metering = directory, clients, metering
        keep = KeepAdmissions(
            database,
            journal.identity,
            self._clock,
            self.admit,
            self.live,
            self.learned,
            self.silence,
            self._hearing_since,
            directory.terms,
            lambda session_ids: orders.nudge(session_ids=session_ids),
            nudge,
        )
        metering.on_sessions = keep.metered
        reconcile.on_lost = keep.over
        return keep

    @property
    def unwritten(self) -> int:
        """How many decisions wait to be written."""
        return self.admit.ends_waiting + self.learned.waiting

    def _hearing_since(self) -> datetime:
        return self._clock.now() if self._metering is None else self._metering.hearing_since()

    def _nas_name(self, nas_id: UUID) -> str:
        return next((client.name for client in self._clients() if client.nas_id == nas_id), str(nas_id))

    def _message(self, service_id: UUID, reason: str) -> bytes:
        facts = None if self._directory is None else self._directory.facts(service_id)
        locale = None if facts is None else facts.locale
        return admission_message(reason, locale or self._settings.locale)
