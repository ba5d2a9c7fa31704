"""What `explain` says in English, by cause; netbilld.services.explain_words puts the figures in."""

from dataclasses import dataclass
from typing import Final

Parts = tuple[str, ...]  # a part is left out where a figure it needs is not known


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one cause, in one language: the sentence and the next action, either in parts."""

    text: Parts
    action: Parts = ()


ENGLISH: Final[dict[str, Words]] = {
    "no_service": Words(("Not checked: the name is nobody's.",)),
    # account
    "account_ok": Words(("The service is active",), ()),
    "unknown_user": Words(
        ("Nobody has the user name {username}.", " Last tried {at}", " through {nas}.", " Did you mean {similar}?"),
        ("Correct the name in the modem, or make the account with `netbilld subscriber add`.",),
    ),
    "voucher_unused": Words(
        ("This is the code of voucher {number}, which nobody has used yet.", " Last tried {at}", " through {nas}."),
        ("Log in with the code as user name and password.",),
    ),
    "voucher_unsold": Words(
        (
            "This is the code of voucher {number}, which works only once it is sold.",
            " Last tried {at}",
            " through {nas}.",
        ),
        ("Sell it: `netbilld voucher sell`, or the batch's page.",),
    ),
    "voucher_void": Words(
        ("Voucher {number} was taken back", " on {ended}", ": {reason}", "."),
        ("Give them another voucher, or the price back: `netbilld voucher refund`.",),
    ),
    "voucher_expired": Words(
        ("The time of voucher {number} is over", " since {ended}", "."), ("Sell them another voucher.",)
    ),
    "voucher_used_up": Words(("Voucher {number} is used up", " since {ended}", "."), ("Sell them another voucher.",)),
    "voucher_late": Words(
        ("Voucher {number} was to be begun", " before {ended}", "."),
        ("Move the last day to begin: `netbilld voucher extend BATCH --use-by DAY`.",),
    ),
    "terminated": Words(("The service ended {since}.",), ("Make a new service if they come back.",)),
    "suspended": Words(
        ("The service was suspended by staff {since}", ": {reason}", "."),
        ("Resume it: `netbilld subscriber resume`, or the button on the subscriber's page.",),
    ),
    "paused": Words(("The service is paused since {since}.",), ("Resume it when the subscriber wants it back.",)),
    # password
    "password_ok": Words(("The password was right", " at the last log-in, {at}", " ({method})", ".")),
    "password_untried": Words(("There is no log-in to judge by.",)),
    "password_changed_since": Words(
        ("The last refused log-in, {at}, came before the account was changed.",), ("Wait for the next log-in.",)
    ),
    "password_unreadable": Words(("The password can't be read, so it can't be judged yet; see NAS.",)),
    "wrong_password": Words(
        ("The password was wrong {at}", " through {nas}", " ({method})", ", from device {mac}", "."),
        ("Make the modem's and ours the same: `netbilld subscriber set {username} --password-stdin`.",),
    ),
    "wrong_method_stored": Words(
        (
            "The NAS asks by {method}",
            ", but {missing} is not kept for this account",
            ". Last {at}",
            " through {nas}",
            ".",
        ),
        (
            "Set the password anew: `netbilld subscriber set {username} --password-stdin`; ",
            "or use another method on the NAS.",
        ),
    ),
    "no_password_sent": Words(
        ("The log-in {at}", " through {nas}", " came without a password."),
        ("Enter the password in the modem, or register its MAC where MAC log-ins are meant.",),
    ),
    "method_not_supported": Words(
        ("The method {method} can't be used with this account (last {at}).",),
        ("Choose PAP, CHAP or MS-CHAPv2 on the NAS.",),
    ),
    "malformed_credentials": Words(
        ("The password that {nas} sent is damaged (last {at}).",),
        ("Check the RADIUS secret on that NAS, then its version.",),
    ),
    "router_login": Words(
        ("The name was used to administer the router {nas} itself, not for the network ({at}).",),
        ("Use an account of the router, not a subscriber's.",),
    ),
    "too_many_tries": Words(
        ("Too many wrong passwords, so log-ins are slowed", ": last {at}", " through {nas}", " from {mac}", "."),
        ("Correct the password in the modem and wait a few minutes; the right one then gets in by itself.",),
    ),
    "eap_failed": Words(
        ("The EAP log-in failed {at}", " through {nas}", " ({detail})", "."),
        ("Check user name, password and method on the device.",),
    ),
    "certificate_refused": Words(
        ("The device's certificate was not accepted {at}", " ({detail})", "."),
        ("Issue a new one with `netbilld certs issue`, or check that its name is the user name.",),
    ),
    "no_common_method": Words(
        ("Device and netbilld have no EAP method in common ({at}", "; {detail}", ")."),
        ("Choose PEAP, TTLS, TLS or MD5 on the device.",),
    ),
    "refused_otherwise": Words(
        ("The last log-in was refused {at}: {reason}", " ({detail})", "."), ("See `netbilld auth log`.",)
    ),
    # plan
    "database_away": Words(
        ("Refused {at}: the database was away, and plan {plan} fails closed.",), ("Let the modem dial again.",)
    ),
    "plan_ok": Words(("Plan {plan} is in force", " until {until}", ".")),
    "expired": Words(
        ("The period of plan {plan} has ended", " on {until}", "; wallet {wallet_minor}, renewal {price_minor}."),
        ("Top up: `netbilld payment add`; the renewal then follows by itself.",),
    ),
    "outside_hours": Words(
        ("Plan {plan} does not allow log-ins at this hour", "; it opens again {opens}", "."),
        ("Wait for its hours, or move to a plan without them.",),
    ),
    "hours_open_again": Words(("The last log-in was outside the hours of plan {plan}; it is within them now.",)),
    # money
    "money_ok": Words(("Nothing is overdue.",)),
    "overdue": Words(
        ("{overdue_minor} is past its due date", " since {due_on}", "."),
        ("Record the payment: `netbilld payment add`; access returns by itself.",),
    ),
    "wallet_empty": Words(("The wallet is empty ({wallet_minor}).",), ("Top up: `netbilld payment add`.",)),
    "overdue_private": Words(("An invoice is past its due date.",), ("Ask the cashier: access returns by payment.",)),
    "wallet_empty_private": Words(("The wallet is empty.",), ("Ask the cashier to top it up.",)),
    "expired_private": Words(
        ("The period of plan {plan} has ended", " on {until}", "."), ("Ask the cashier to top up the wallet.",)
    ),
    "held_open": Words(
        ("Money would close it, and too many with it: the brake holds it open until a person has looked.",)
    ),
    "in_grace": Words(("An invoice is past due and in its days of grace", " until {until}", ".")),
    # quota
    "no_quota": Words(("The plan has no quota.",)),
    "quota_ok": Words(("{used_octets} of {limit_octets} used.",)),
    "fair_use": Words(("The fair-use limit is reached ({used_octets} of {limit_octets}): slowed until {resets}.",)),
    "quota_used_up": Words(
        ("The quota is used up: {used_octets} of {limit_octets}; it starts anew {resets}.",),
        ("Wait for the new period, or move to a larger plan.",),
    ),
    # sessions
    "no_session": Words(("No session is open.",)),
    "session_live": Words(("Online at {nas}", " since {since}", " ({address})", ".")),
    "session_silent": Words(
        ("The session at {nas} has not reported since {heard}.",), ("Wait for its next report; silent, it is closed.",)
    ),
    "session_limit": Words(
        (
            "The limit of sessions",
            " ({limit})",
            " is reached",
            ": online at {nas}",
            ": {detail}",
            " from {mac}",
            " since {since}",
            ".",
        ),
        ("That device uses the account.", " End it if it has no right to: `netbilld session disconnect {session}`."),
    ),
    "session_limit_ghost": Words(
        (
            "A ghost session at {nas}",
            " from {mac}",
            " uses up the limit of sessions",
            " ({limit})",
            "; it last reported {heard}",
            ".",
        ),
        ("End it: `netbilld session disconnect {session}`; then let the modem dial again.",),
    ),
    "session_limit_free_again": Words(
        ("Refused {at} for too many sessions; none is open now.",), ("Let the modem dial again.",)
    ),
    # lock
    "no_lock": Words(("Not locked to a device or place.",)),
    "locks_ok": Words(("Device and place fit.",)),
    "mac_lock": Words(
        ("Locked to another MAC", " ({allowed})", "; {mac} tried", ", {at}", "."),
        ("Modem swapped? Reset the lock: `netbilld subscriber set {username} --unlock mac`.",),
    ),
    "vlan_lock": Words(
        ("Locked to another VLAN", " ({allowed})", ": {detail}", "."),
        ("Check the line, or reset the VLAN lock: `netbilld subscriber set {username} --unlock vlan`.",),
    ),
    "port_lock": Words(
        ("Locked to another NAS port", " ({allowed})", ": {detail}", "."),
        ("Check the port, or reset the port lock: `netbilld subscriber set {username} --unlock port`.",),
    ),
    "nas_not_allowed": Words(
        ("May not come in through NAS {nas}", "; allowed: {allowed}", "."),
        ("Allow that NAS, or reset the NAS lock: `netbilld subscriber set {username} --unlock nas`.",),
    ),
    "mac_mismatch": Words(
        ("The user name is a MAC address, but the device is another", ": {mac}", "."),
        ("Register the MAC of the device in use.",),
    ),
    "lock_reset_since": Words(("Refused {at} by a lock that was reset since.",), ("Let the modem dial again.",)),
    # pool
    "no_pool": Words(("The address is the NAS's to give, or fixed.",)),
    "pool_ok": Words(("Pool {pool}: {used} of {size} in use.",)),
    "pool_full": Words(
        ("The address pool", " {pool}", " is full", " ({used} of {size})", "; refused {at}", "."),
        ("Enlarge the pool, or end sessions that are dead.",),
    ),
    "pool_unavailable": Words(
        ("No address could be given {at}: the pools could not be asked.",),
        ("See `netbilld doctor`: the database may be away.",),
    ),
    "pool_free_again": Words(
        ("Refused {at} since pool {pool} was full; now {used} of {size} are in use.",), ("Let the modem dial again.",)
    ),
    "pool_nearly_full": Words(("Pool {pool} is full: {used} of {size}.",), ("Enlarge the pool.",)),
    # nas
    "nas_ok": Words(("{nas} is heard", ", last {at}", ".")),
    "nas_heard_daemon_away": Words(
        ("{nas} was last heard {at}; netbilld does not run here, so dropped packets are unknown.",),
        ("Start `netbilld serve` and ask again.",),
    ),
    "nas_not_known": Words(("It is not known which NAS is used.",)),
    "nas_not_known_daemon_away": Words(
        ("It is not known which NAS is used; netbilld does not run here.",), ("Start `netbilld serve` and ask again.",)
    ),
    "wrong_nas_secret": Words(
        (
            "The RADIUS secret of {nas}",
            " ({source})",
            " differs from ours",
            ": {count} packets dropped",
            ", the passwords of {names} names can't be read",
            ", last {at}",
            ".",
        ),
        ("Make them the same: `/radius set secret=…` on the router, `netbilld nas set {nas} --secret-stdin` here.",),
    ),
    "message_authenticator_missing": Words(
        (
            "{nas}",
            " ({source})",
            " sends log-ins without Message-Authenticator, which is required",
            ": {count} packets dropped, last {at}",
            ".",
        ),
        (
            "Turn on `require-message-auth` on the router (RouterOS 7.15 and later); ",
            "if it is meant: `netbilld nas set {nas} --forget-message-authenticator`.",
        ),
    ),
    "nas_address_unknown": Words(
        ("Packets come from {source}, which is no NAS's address", ": {count} dropped, last {at}", "."),
        ("Make it known: `netbilld nas add NAME {source} --secret-stdin`, or set `src-address` on the router.",),
    ),
    "nas_identifier_unknown": Words(
        (
            "Packets come from {source}, which several NAS share, and call themselves {called}, which is none of them",
            ": {count} dropped, last {at}",
            ".",
        ),
        ("Make it known: `netbilld nas add NAME {source} --identifier …`, or `nas set` after a router was renamed.",),
    ),
    "nas_removed": Words(("NAS {nas} was removed.",), ("Add it again: `netbilld nas add`.",)),
    "nas_never_heard": Words(
        ("{nas} ({source}) was never heard.",),
        ("Check the RADIUS address on the router, the route, and the firewall for UDP 1812–1813.",),
    ),
    "nas_silent": Words(
        ("{nas} ({source}) has not been heard since {at}.",),
        ("Check its power and its line: ping it from here, then `/radius monitor` on the router.",),
    ),
    # link
    "link_online": Words(("Online; last report {heard}.",)),
    "link_online_local": Words(
        ("Online by an account that {nas} has itself, so speed and walls are the router's; last report {heard}.",),
        ("Turn those accounts off: `netbilld import routeros {nas} --disable-local`.",),
    ),
    "link_ok": Words(("The modem dials: last request {at}", " through {nas}", ".")),
    "just_accepted": Words(("Let in just now ({at}); its session is not reported yet.",)),
    "link_hidden": Words(("Can't be judged while packets of the NAS do not arrive or are dropped.",)),
    "not_dialling": Words(
        ("No new log-in request", " since {at}", "; the last session ended {ended}", " ({terminate_cause})", "."),
        ("Check the modem's power, the cable or ONU, and the user name in the modem.",),
    ),
    "never_dialled": Words(
        ("The name has never been heard.",),
        (
            "Check the user name in the modem, the cable or ONU, and that the NAS uses RADIUS ",
            "(`/ppp aaa set use-radius=yes`).",
        ),
    ),
    "accepted_without_session": Words(
        ("Let in {at}", " through {nas}", ", but the NAS reports no session."),
        ("Turn accounting on at the NAS; see its log: it may refuse the profile or pool that we sent.",),
    ),
    "session_short": Words(("The last session ended {ended}", " ({terminate_cause})", ".")),
    # coa
    "coa_none": Words(("No order was sent to the NAS.",)),
    "coa_ok": Words(("The last order to {nas} ({action}) is done, {at}.",)),
    "coa_refused": Words(
        ("{nas} refused the {action} at {at}", " (Error-Cause {error_cause})", ": the session is as it was."),
        ("End the session: `netbilld session disconnect {session}`; check `/radius incoming` on the router.",),
    ),
    "coa_unanswered": Words(
        ("{nas} left the {action} of {at} unanswered; tried {attempts} times.",),
        ("Check `/radius incoming set accept=yes` and the CoA port; then `netbilld enforce retry`.",),
    ),
    "coa_failed": Words(
        ("The {action} to {nas} failed at {at}", ": {detail}", "."), ("See `netbilld enforce status`.",)
    ),
    "coa_waiting": Words(("The {action} to {nas} is under way", "; next try {next}", ".")),
}
