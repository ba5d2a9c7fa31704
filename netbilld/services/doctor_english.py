"""What the examination of a NAS says in English, by cause; netbilld.services.doctor_words puts the figures in."""

from typing import Final

ENGLISH: Final[dict[str, str]] = {
    "daemon_away": "No daemon runs here, so what the NAS says is not heard.",
    "api_needed": "Can't be known without its API.",
    "api_not_spoken": "Can't be known: netbilld reads no API of {vendor}.",
    "api_refuses": "Can't be known: its API user may not read it.",
    # source address
    "source_address_ok": "Its packets come from {network}, as they should; heard {at}.",
    "source_address_wrong": (
        "Its packets come from {source} and get no answer, since it is known by {network} ({count} packets, last {at})."
    ),
    "source_address_stranger": (
        "Nothing comes from {network}, but packets of nobody's come from {source} ({count}, last {at}): likely its own."
    ),
    "source_address_set": "It is set to send from {source}, and is known by {network}.",
    "identifier_unknown": (
        "Routers at {network} are told apart by NAS-Identifier, and one says {identifier!r}, which no NAS is told by; "
        "this one by {told_by!r} ({count} packets)."
    ),
    "never_heard": "Nothing was ever heard from {network}.",
    "silent": "Nothing heard since {at}, though {sessions} sessions are open on it.",
    "quiet": "Nothing heard since {at}; no session is open that it would speak of.",
    # secret
    "secret_ok": "The secret is the same on both sides.",
    "secret_ok_accounting": "The secret is the same on both sides: accounting was signed with it {at}.",
    "secret_wrong": "It signs with another secret: {count} packets refused, last {at}.",
    "secret_of_some": "Some router at {source} signs with another secret: {count} packets refused, last {at}.",
    "secret_differs": "The secret in its /radius is another one than ours.",
    "secret_unreadable": (
        "The passwords of {names} different users came out as rubbish, and none was right: its secret is another one."
    ),
    "secret_untold": "Nothing signed has come yet, so whether the secret is right can't be known.",
    # Message-Authenticator
    "signature_ok": "It signs its requests with Message-Authenticator, seen since {since}.",
    "signature_missing": "It sends requests without Message-Authenticator; {count} were refused, last {at}.",
    "signature_off": "Message-Authenticator is turned off in its /radius.",
    "signature_never": "It has never signed a request with Message-Authenticator (CVE-2024-3596); version {version}.",
    "signature_untold": "No log-in has come yet, so whether it signs can't be known.",
    # RADIUS on the router
    "radius_ok": "It asks RADIUS at {server}.",
    "radius_elsewhere": "None of its /radius entries leads to {server}, yet it is heard: through a proxy or NAT.",
    "radius_no_entry": "None of its /radius entries leads to {server}.",
    "radius_ports": "It sends to UDP ports {auth_port} and {acct_port}, where nobody listens.",
    "radius_unused": "PPP does not ask RADIUS, and no hotspot does.",
    # clock
    "clock_ok": "Its clock is right.",
    "clock_off": "Its clock is {off} {way}.",
    "clock_alone": "Its clock is right, but it asks no time server.",
    "clock_untold": "Its clock can't be known: it says no time, or a right one.",
    # interim
    "interim_ok": "Sessions report every {asked} s, as they are asked to ({sessions} looked at).",
    "interim_missing": "{silent} of {sessions} sessions do not report, though asked to every {asked} s.",
    "interim_late": "{slow} of {sessions} sessions report every {interval} s instead of every {asked} s.",
    "interim_some": "{silent} of {sessions} sessions report late or not at all.",
    "interim_untold": "No session has been open long enough to tell whether it reports every {asked} s.",
    "accounting_off": "PPP accounting is turned off on it.",
    # direction
    "direction_ok": "Subscribers fetch more than they send, as they do everywhere ({sessions} sessions looked at).",
    "counters_swapped": "{reversed} of {sessions} sessions send far more than they fetch: its counters are swapped.",
    "direction_untold": "Too little has moved to tell upload from download.",
    # orders
    "orders_ok": "It takes orders at UDP port {port}, and our secret is right there.",
    "orders_none": "{vendor} takes no orders: what changes does so at the next log-in.",
    "orders_believes_all": "It acknowledges the end of a session that nobody has: its answers prove nothing.",
    "orders_secret": "It does not believe our orders at UDP port {port}: its secret is another one.",
    "orders_sender": "It does not believe our orders: no entry of its /radius is for {server}.",
    "orders_off": "It takes no orders: RADIUS incoming is turned off.",
    "orders_port": "It takes orders at UDP port {theirs}, and ours go to {port}.",
    "orders_closed": "Nothing listens at its UDP port {port}, so it takes no orders.",
    "orders_filtered": "Orders to its UDP port {port} do not arrive: a firewall stops them.",
    "orders_silent": (
        "It does not answer orders at UDP port {port}: closed, another secret, or our address is not known to it; "
        "its API would tell which."
    ),
    "orders_not_sent": "Not tried: {detail}.",
    "orders_radsec": "Not tried: its orders go over RadSec.",
    "orders_no_address": "Not tried: it is known by a network, and none of its routers has been heard.",
    "orders_shared_port": "Another NAS has its address and CoA port {port}: an order could reach that one.",
    # API and SNMP
    "api_ok": "RouterOS {version} answers.",
    "api_not_set": "No API address is set, so much of it can't be known.",
    "api_other": "Its API address is of a kind that is not spoken: api:// and api-ssl:// are.",
    "api_trouble": "It can't be asked: {trouble}.",
    "rights_ok": "Its user {user} has what is needed (group {group}).",
    "rights_missing": "Its user {user} (group {group}) lacks the policy {missing}.",
    "rights_refused": "Its user {user} may not read {menus}.",
    "rights_untold": "What its user {user} may do can't be known.",
    "snmp_ok": "It answers.",
    "snmp_not_set": "SNMP is not set, so how the router is can't be known.",
    "snmp_silent": "It can't be read: {trouble}.",
    # walls
    "pool_ok": "It has the pools that it is told: {pools}.",
    "pool_none": "No pool of its own is named.",
    "pool_missing": "It lacks pools that log-ins name: {pools}. Who is given them gets no address.",
    "list_ok": "Its firewall holds who is on the list {list}.",
    "list_none": "Nobody is walled by list here.",
    "list_unused": "No rule of its firewall is for the list {list}: who is walled is not held.",
    "list_no_redirect": "Who is on the list {list} is held, but not sent to the portal.",
    "fasttrack_off": "Fasttrack is off.",
    "fasttrack_excepted": "Fasttrack is on, and subscribers are kept out of it.",
    "fasttrack_on": "Fasttrack is on: what it carries passes speed limits and the walled garden by.",
    "fasttrack_narrowed": "A fasttrack rule is limited by {by}; whether subscribers are in it can't be known.",
    "masquerade_none": "Nothing hides subscribers' addresses.",
    "masquerade_unneeded": "Subscribers are hidden behind its address; nobody here is recognised by his own.",
    "masquerade_excepted": "The portal is kept out of masquerade.",
    "masquerade_hides": "Masquerade hides subscribers' addresses from the portal, which then recognises nobody.",
}
