"""Desired, attempted, observed: three facts, three tables."""

from typing import Final

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

# who is not fully open; said in queries as the index has it
RESTRICTED: Final = "access <> 'active' AND reason <> 'terminated'"

desired = Table(
    "desired",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("access", String(16), nullable=False),  # active, throttled, walled, blocked
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),  # fingerprint of the profile
    Column("profile", JSON, nullable=False),
    Column("cause", String(64), nullable=False),  # what made us look: usage, payment.add, plan.set, timer, …
    Column("since_at", Instant, nullable=False),
    Column("until_at", Instant, index=True),  # when time alone may change it
    Index("ix_desired_restricted", "since_at", info={WHERE: RESTRICTED}),
)

observed = Table(
    "observed",
    metadata,
    Column("session_id", RecordId, primary_key=True, autoincrement=False),
    Column("service_id", Uuid, nullable=False, index=True),
    Column("access", String(16), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("evidence", String(16), nullable=False),  # unsure, ack, login, traffic, api
    Column("observed_at", Instant, nullable=False),
)

pending_orders = Table(  # one a session that is not yet as it should be: survives a restart
    "pending_orders",
    metadata,
    Column("session_id", RecordId, ForeignKey("sessions.id"), primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), index=True),
    Column("profile_key", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False, index=True),
    Column("coa_refused", Boolean, nullable=False),  # the first rung led nowhere; `rung` says more
    Column("last_error", String(200)),
    Column("rung", Integer, nullable=False, server_default="0"),  # of the ladder
    Column("step", Integer, nullable=False, server_default="0"),  # the order within the rung
    Column("tries", Integer, nullable=False, server_default="0"),  # of that order, in vain
    Column("change", String(16)),  # rate, wall, restore, move, block, end
    Column("acked_at", Instant),  # a Disconnect was acknowledged then, and the session is not over yet
    Column("alerted_at", Instant),  # a person was told then that it leads nowhere
)

enforcement_attempts = Table(
    "enforcement_attempts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("session_id", RecordId, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("action", String(16), nullable=False),  # coa, disconnect, enter_list, leave_list
    Column("access", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),  # when it became due: desired.since_at, or the command
    Column("sent_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("verified_at", Instant),  # when its effect was seen: traffic at the new rate, the session gone
    Column("outcome", String(16), nullable=False),  # sent, acked, nacked, timed_out, verified, failed, disproved
    Column("error_cause", Integer),
    Column("detail", String(200)),
    Column("disproved_at", Instant),  # when it was seen not to be so, although it was acknowledged
    Column("via", String(8), nullable=False, server_default="radius"),  # or api
    Column("rung", Integer, nullable=False, server_default="0"),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("change", String(16)),
    Index("ix_enforcement_attempts_service", "service_id", "sent_at"),
    Index("ix_enforcement_attempts_nas", "nas_id", "sent_at"),
)
