"""One packet as lines a person can read, without its secrets: for logs, the command line and failing tests."""

from netbilld.radius.attributes import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MESSAGE_AUTHENTICATOR,
    MICROSOFT,
    MIKROTIK,
    MIKROTIK_WIRELESS_PSK,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    TUNNEL_PASSWORD,
    USER_PASSWORD,
)
from netbilld.radius.codes import Code
from netbilld.radius.dictionary import attribute_name, names
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import Packet, decode
from netbilld.radius.values import date, ipv4, ipv6, ipv6_prefix, tagged_integer, tagged_text, text

# What hides a password, or lets one be guessed at leisure.
SECRETS = frozenset(
    (
        USER_PASSWORD,
        CHAP_PASSWORD,
        CHAP_CHALLENGE,
        EAP_MESSAGE,
        TUNNEL_PASSWORD,
        MS_CHAP_RESPONSE,
        MS_CHAP2_RESPONSE,
        MS_CHAP2_SUCCESS,
        MS_CHAP_MPPE_KEYS,
        MS_MPPE_SEND_KEY,
        MS_MPPE_RECV_KEY,
        MICROSOFT << 8 | 3,  # MS-CHAP-CPW-1, -CPW-2, MS-CHAP2-CPW: changes of a password
        MICROSOFT << 8 | 4,
        MICROSOFT << 8 | 27,
        MIKROTIK << 8 | 7,  # Mikrotik-Wireless-Enc-Key
        MIKROTIK_WIRELESS_PSK,
        MIKROTIK << 8 | 20,  # Mikrotik-Wireless-MPKey
    )
)
_CODE_NAMES: dict[int, str] = {
    Code.ACCESS_REQUEST: "Access-Request",
    Code.ACCESS_ACCEPT: "Access-Accept",
    Code.ACCESS_REJECT: "Access-Reject",
    Code.ACCOUNTING_REQUEST: "Accounting-Request",
    Code.ACCOUNTING_RESPONSE: "Accounting-Response",
    Code.ACCESS_CHALLENGE: "Access-Challenge",
    Code.STATUS_SERVER: "Status-Server",
    Code.DISCONNECT_REQUEST: "Disconnect-Request",
    Code.DISCONNECT_ACK: "Disconnect-ACK",
    Code.DISCONNECT_NAK: "Disconnect-NAK",
    Code.COA_REQUEST: "CoA-Request",
    Code.COA_ACK: "CoA-ACK",
    Code.COA_NAK: "CoA-NAK",
}
_TAGGED = frozenset((64, 65, 66, 67, 81, 82, 83, 90, 91))  # RFC 2868 §3


def dump(packet: Packet | bytes) -> str:
    """Return `packet` as lines: code and identifier, then one attribute a line; never raises for any bytes."""
    if isinstance(packet, bytes):
        datagram = packet
        try:
            packet = decode(datagram)
        except MalformedPacket as error:
            return f"malformed packet of {len(datagram)} octets: {error.reason}"
    lines = [f"{code_name(packet.code)} id {packet.identifier}, {len(packet.datagram)} octets"]
    return "\n".join(lines + [f"  {name} = {value}" for name, value in shown_attributes(packet)])


def code_name(code: int) -> str:
    """Return how a packet's code is called."""
    return _CODE_NAMES.get(code, f"Code-{code}")


def shown_attributes(packet: Packet) -> list[tuple[str, str]]:
    """Return each attribute's name and its value as a person reads it, secrets hidden."""
    return [(attribute_name(key), _shown(key, value)) for key in packet.attributes for value in packet.all(key)]


def _shown(key: int, value: bytes) -> str:
    if key in SECRETS:
        return f"<{len(value)} octets, hidden>"
    if key == MESSAGE_AUTHENTICATOR:
        return f"0x{value.hex()}"
    known = names().get(key)
    kind = known.type if known is not None else "octets"
    numbers = known.values if known is not None else {}
    try:
        match kind:
            case "string":
                tag, rest = tagged_text(value) if key in _TAGGED else (0, value)
                return (f":{tag} " if tag else "") + _quoted(text(rest))
            case "integer" | "byte" | "short" | "integer64":
                tag, number = tagged_integer(value) if key in _TAGGED else (0, int.from_bytes(value, "big"))
                return (f":{tag} " if tag else "") + numbers.get(number, str(number))
            case "ipaddr":
                return str(ipv4(value))
            case "ipv6addr":
                return str(ipv6(value))
            case "ipv6prefix":
                return str(ipv6_prefix(value))
            case "date":
                return date(value).isoformat()
            case _:
                return f"0x{value.hex()}"
    except MalformedPacket:
        return f"0x{value.hex()} (not a value of type {kind})"


def _quoted(value: str) -> str:
    """Return `value` in quotes and on one line: a name from the network must not forge a second line of a log."""
    shown = [c if c.isprintable() else ascii(c)[1:-1] for c in value.replace("\\", "\\\\").replace('"', '\\"')]
    return '"' + "".join(shown) + '"'
