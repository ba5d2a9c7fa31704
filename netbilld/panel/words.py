"""The words for states and reasons: each a word and a tone, never a colour alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from babel.support import Translations


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate this later"
    """Return the message as it is; the catalogues' tools find it by this mark."""
    return message


@dataclass(frozen=True, slots=True)
class Word:
    """A state in the reader's language. Tones: good, warn, bad, info, quiet."""

    text: str
    tone: str
    code: str


_WORDS: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {
        ("access", "active"): (N_("Active"), "good"),
        ("access", "throttled"): (N_("Fair use"), "warn"),
        ("access", "walled"): (N_("Walled"), "bad"),
        ("access", "blocked"): (N_("Blocked"), "bad"),
        ("reason", "ok"): (N_("nothing against it"), "quiet"),
        ("reason", "fair_use"): (N_("fair-use limit reached"), "warn"),
        ("reason", "quota"): (N_("quota used up"), "warn"),
        ("reason", "overdue"): (N_("invoice overdue"), "bad"),
        ("reason", "no_credit"): (N_("wallet empty"), "bad"),
        ("reason", "expired"): (N_("validity ended"), "bad"),
        ("reason", "paused"): (N_("paused on request"), "quiet"),
        ("reason", "suspended"): (N_("suspended by staff"), "bad"),
        ("reason", "terminated"): (N_("service ended"), "quiet"),
        ("service", "active"): (N_("Active"), "good"),
        ("service", "suspended"): (N_("Suspended"), "bad"),
        ("service", "paused"): (N_("Paused"), "quiet"),
        ("service", "ended"): (N_("Ended"), "quiet"),
        ("subscriber", "active"): (N_("Active"), "good"),
        ("subscriber", "terminated"): (N_("Terminated"), "quiet"),
        ("session", "starting"): (N_("Starting"), "info"),
        ("session", "live"): (N_("Online"), "good"),
        ("session", "late"): (N_("Late report"), "warn"),
        ("session", "stale"): (N_("Stale"), "bad"),
        ("session", "closed"): (N_("Closed"), "quiet"),
        ("doubt", "open"): (N_("Waiting"), "warn"),
        ("doubt", "accepted"): (N_("Billed"), "good"),
        ("doubt", "rejected"): (N_("Left out"), "quiet"),
        ("doubt", "withdrawn"): (N_("Taken back by the router"), "quiet"),
        ("invoice", "draft"): (N_("Draft"), "quiet"),
        ("invoice", "issued"): (N_("Issued"), "info"),
        ("invoice", "part_paid"): (N_("Part-paid"), "warn"),
        ("invoice", "paid"): (N_("Paid"), "good"),
        ("invoice", "credited"): (N_("Credited"), "quiet"),
        ("invoice", "overdue"): (N_("Overdue"), "bad"),
        ("attempt", "sent"): (N_("Sent"), "info"),
        ("attempt", "acked"): (N_("Acknowledged by NAS"), "good"),
        ("attempt", "nacked"): (N_("Refused by NAS"), "bad"),
        ("attempt", "timed_out"): (N_("No answer"), "bad"),
        ("attempt", "verified"): (N_("Verified"), "good"),
        ("attempt", "failed"): (N_("Failed"), "bad"),
        ("attempt", "disproved"): (N_("Seen not to be so"), "bad"),
        ("action", "coa"): (N_("Change session"), "info"),
        ("action", "disconnect"): (N_("Disconnect session"), "info"),
        ("action", "enter_list"): (N_("Add to address list"), "info"),
        ("action", "leave_list"): (N_("Take off address list"), "info"),
        ("evidence", "login"): (N_("at log-in"), "good"),
        ("evidence", "ack"): (N_("acknowledged"), "info"),
        ("evidence", "unsure"): (N_("not certain"), "warn"),
        ("evidence", "traffic"): (N_("in its traffic"), "good"),
        ("evidence", "api"): (N_("read back from NAS"), "good"),
        ("reason", "requested"): (N_("ended by staff"), "quiet"),
        ("login", "ok"): (N_("let in"), "good"),
        ("login", "unknown_user"): (N_("unknown user name"), "bad"),
        ("login", "wrong_password"): (N_("wrong password"), "bad"),
        ("login", "no_password"): (N_("no password sent"), "bad"),
        ("login", "malformed_credentials"): (N_("damaged credentials"), "bad"),
        ("login", "method_not_supported"): (N_("method not supported"), "bad"),
        ("login", "mac_mismatch"): (N_("another device's MAC"), "bad"),
        ("login", "router_login"): (N_("log-in to the router itself"), "bad"),
        ("login", "wrong_method_stored"): (N_("password not kept in a form for this method"), "bad"),
        ("login", "too_many_tries"): (N_("too many wrong tries"), "warn"),
        ("login", "eap_failed"): (N_("EAP conversation failed"), "bad"),
        ("login", "certificate_refused"): (N_("certificate refused"), "bad"),
        ("login", "no_common_method"): (N_("no EAP method in common"), "bad"),
        ("login", "session_limit"): (N_("too many sessions at once"), "bad"),
        ("login", "mac_lock"): (N_("locked to another MAC"), "bad"),
        ("login", "vlan_lock"): (N_("locked to another VLAN"), "bad"),
        ("login", "port_lock"): (N_("locked to another NAS port"), "bad"),
        ("login", "nas_not_allowed"): (N_("not allowed on this NAS"), "bad"),
        ("login", "outside_hours"): (N_("outside the plan's hours"), "bad"),
        ("login", "pool_full"): (N_("address pool full"), "bad"),
        ("login", "pool_unavailable"): (N_("address pool not available"), "bad"),
        ("login", "database_away"): (N_("database was away"), "bad"),
        ("outage", "open"): (N_("let in, as far as known"), "quiet"),
        ("outage", "closed"): (N_("let nobody in"), "quiet"),
        ("drop", "bad_authenticator"): (N_("signed with another secret"), "bad"),
        ("drop", "bad_message_authenticator"): (N_("signed with another secret"), "bad"),
        ("drop", "message_authenticator_missing"): (N_("Message-Authenticator missing"), "bad"),
        ("drop", "proxy_state_without_message_authenticator"): (N_("proxied without Message-Authenticator"), "bad"),
        ("drop", "malformed"): (N_("damaged packet"), "warn"),
        ("drop", "unexpected_code"): (N_("sent to the wrong port"), "warn"),
        ("drop", "no_user_name"): (N_("no user name"), "warn"),
        ("drop", "overloaded"): (N_("too much at once"), "warn"),
        ("require", "auto"): (N_("automatic"), "quiet"),
        ("require", "true"): (N_("required"), "quiet"),
        ("require", "false"): (N_("not required"), "quiet"),
        ("wall", "pool"): (N_("by pool"), "quiet"),
        ("wall", "list"): (N_("by list"), "quiet"),
        ("wall", "pool_and_list"): (N_("by pool and list"), "quiet"),
        ("wall", "reject"): (N_("log-in refused"), "quiet"),
        ("result", "accept"): (N_("Accepted"), "good"),
        ("result", "reject"): (N_("Rejected"), "bad"),
        ("result", "challenge"): (N_("Challenged"), "info"),
        ("method", "cash"): (N_("Cash"), "quiet"),
        ("method", "transfer"): (N_("Bank transfer"), "quiet"),
        ("method", "qris"): (N_("QRIS"), "quiet"),
        ("method", "va"): (N_("Virtual account"), "quiet"),
        ("method", "ewallet"): (N_("E-wallet"), "quiet"),
        ("timing", "prepaid"): (N_("Prepaid"), "quiet"),
        ("timing", "postpaid"): (N_("Postpaid"), "quiet"),
        ("charging", "flat"): (N_("Flat"), "quiet"),
        ("charging", "volume"): (N_("By volume"), "quiet"),
        ("charging", "hybrid"): (N_("Hybrid"), "quiet"),
        ("charging", "time"): (N_("By time"), "quiet"),
        ("charging", "per_use"): (N_("Pay per use"), "quiet"),
        ("after", "throttle"): (N_("slowed down"), "warn"),
        ("after", "wall"): (N_("walled off"), "bad"),
        ("after", "block"): (N_("blocked"), "bad"),
        ("counts", "both"): (N_("upload and download"), "quiet"),
        ("counts", "down"): (N_("download only"), "quiet"),
        ("counts", "up"): (N_("upload only"), "quiet"),
        ("role", "admin"): (N_("Main admin"), "quiet"),
        ("role", "technical"): (N_("Technician"), "quiet"),
        ("role", "accounting"): (N_("Accounting"), "quiet"),
        ("role", "cashier"): (N_("Cashier"), "quiet"),
        ("role", "readonly"): (N_("Read only"), "quiet"),
        ("change", "subscriber.add"): (N_("Subscriber added"), "info"),
        ("change", "subscriber.set"): (N_("Details changed"), "info"),
        ("change", "subscriber.suspend"): (N_("Suspended"), "bad"),
        ("change", "subscriber.resume"): (N_("Resumed"), "good"),
        ("change", "subscriber.terminate"): (N_("Terminated"), "bad"),
        ("change", "subscriber.pause"): (N_("Paused"), "info"),
        ("change", "service.add"): (N_("Service added"), "info"),
        ("change", "service.plan"): (N_("Plan changed"), "info"),
        ("change", "payment.add"): (N_("Payment recorded"), "good"),
        ("change", "invoice.issue"): (N_("Invoice issued"), "info"),
        ("change", "session.disconnect"): (N_("Session disconnect ordered"), "info"),
        ("change", "nas.add"): (N_("NAS added"), "info"),
        ("change", "nas.set"): (N_("NAS changed"), "info"),
        ("change", "nas.remove"): (N_("NAS removed"), "bad"),
        ("change", "nas.login.add"): (N_("Router account added"), "info"),
        ("change", "nas.login.remove"): (N_("Router account removed"), "info"),
        ("change", "plan.add"): (N_("Plan version added"), "info"),
        ("change", "plan.set"): (N_("Plan changed"), "info"),
        ("change", "lock.set"): (N_("Locks changed"), "info"),
        ("change", "lock.forget"): (N_("Learned locks reset"), "info"),
        ("change", "lock.learned"): (N_("Lock learned at log-in"), "info"),
        ("lock", "mac"): (N_("MAC address"), "info"),
        ("lock", "vlan"): (N_("VLAN"), "info"),
        ("lock", "nas_port"): (N_("NAS port"), "info"),
        ("lock", "nas"): (N_("NAS"), "info"),
        ("change", "pool.add"): (N_("Pool added"), "info"),
        ("change", "pool.set"): (N_("Pool changed"), "info"),
        ("change", "pool.remove"): (N_("Pool removed"), "bad"),
        ("change", "pool.release"): (N_("Address released"), "info"),
        ("pool", "ipv4"): (N_("IPv4 addresses"), "quiet"),
        ("pool", "ipv6_prefix"): (N_("IPv6 prefixes"), "quiet"),
        ("pool", "delegated"): (N_("Delegated prefixes"), "quiet"),
        ("room", "room"): (N_("Has room"), "good"),
        ("room", "nearly_full"): (N_("Nearly full"), "warn"),
        ("room", "full"): (N_("Full"), "bad"),
        ("room", "conflict"): (N_("Conflict"), "bad"),
        ("lease", "in_use"): (N_("In use"), "good"),
        ("lease", "held"): (N_("Held"), "info"),
        ("lease", "free"): (N_("Free"), "quiet"),
        ("change", "staff.password"): (N_("Password changed"), "info"),
    }
)


_ELSE: Final = MappingProxyType({"login": "reason"})  # a log-in is refused for what the service is due, too


class Words:
    """Looks states up in one language; a code without a word is shown as it is."""

    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    def __call__(self, kind: str, code: str) -> Word:
        """Return the word and tone of `code` among states of that kind."""
        text, tone = _WORDS.get((kind, code)) or _WORDS.get((_ELSE.get(kind, ""), code), ("", "quiet"))
        return Word(self._translations.gettext(text) if text else code.replace("_", " "), tone, code)
