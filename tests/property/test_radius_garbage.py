"""Whatever arrives becomes a value or a counted drop; nothing is answered that was not verified."""

from hypothesis import example, given
from hypothesis import strategies as st

from netbilld.radius.access import decide
from netbilld.radius.authenticator import Secret
from netbilld.radius.codes import Code
from netbilld.radius.debug import dump
from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.exchange import ReplyDrop, build_request, verify_reply
from netbilld.radius.packet import decode, encode_attribute, encode_attributes
from netbilld.radius.server import Drop, RadiusServer, Request, ServerKind
from netbilld.radius.values import (
    date,
    integer,
    integer64,
    ipv4,
    ipv6,
    ipv6_prefix,
    lookup_key,
    normalise_mac,
    tagged_integer,
    text,
)
from tests.radius_requests import (
    AUTHENTICATOR,
    SECRET,
    SOURCE,
    access_request,
    accounting_request,
    chap,
    client,
    entropy,
    mschap_v1,
    mschap_v2,
    pap,
    view,
)

KINDS: tuple[ServerKind, ServerKind] = ("auth", "acct")
VALID = [
    pap(b"nemo", b"arctangent").packet.datagram,
    chap(b"nemo", b"arctangent").packet.datagram,
    mschap_v1(b"nemo", "arctangent").packet.datagram,
    mschap_v2(b"nemo", "arctangent").packet.datagram,
    accounting_request([(40, b"\0\0\0\1"), (1, b"nemo"), (44, b"80100014")]),
    build_request(Code.STATUS_SERVER, 9, SECRET, b"", True, authenticator=AUTHENTICATOR),
]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[bytes, bytes]:
    original = draw(st.sampled_from(VALID))
    changed = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.integers(0, 3)):
            case 0:
                at = draw(st.integers(0, len(changed) - 1)) if changed else 0
                if changed:
                    changed[at] = draw(st.integers(0, 255))
            case 1:
                del changed[draw(st.integers(0, len(changed))) :]
            case 2:
                at = draw(st.integers(0, len(changed)))
                changed[at:at] = draw(st.binary(min_size=1, max_size=20))
            case _:
                if len(changed) >= 4:
                    changed[2:4] = len(changed).to_bytes(2, "big")
    return original, bytes(changed)


@given(st.binary(max_size=4200))
@example(b"")
@example(bytes(20))
@example(b"\x01\x00\x00\x14" + bytes(16))
def test_random_octets_are_only_dropped(datagram: bytes) -> None:
    for kind in KINDS:
        # `true`: with `auto` an unsigned Access-Request is believed by its source address alone.
        radius = RadiusServer([client(policy="true")], kind)
        assert isinstance(radius.receive(datagram, SOURCE, 0.0), Drop)
        assert sum(radius.drops.values()) == 1
        assert radius.cached_replies == 0
    dump(datagram)


@given(mutations())
def test_a_mutated_packet_is_dropped_or_is_the_same_packet(pair: tuple[bytes, bytes]) -> None:
    original, changed = pair
    for kind in KINDS:
        radius = RadiusServer([client(policy="true")], kind)
        outcome = radius.receive(changed, SOURCE, 0.0)
        if isinstance(outcome, Request):
            assert outcome.packet.datagram == original
    dump(changed)


@given(mutations())
def test_an_unsigned_mutated_login_is_decided_without_an_exception(pair: tuple[bytes, bytes]) -> None:
    _, changed = pair
    try:
        packet = decode(changed)
    except MalformedPacket:
        return
    request = Request(client(), packet, SOURCE, 0.0)
    for known in (view(), view(kind="mac"), view(password=""), None):
        decision = decide(request, known, entropy)
        assert decision.code in {Code.ACCESS_ACCEPT, Code.ACCESS_REJECT}
    lookup_key(packet.get(1) or b"")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3, 6, 31, 60, 61, 79, 311 << 8 | 1, 311 << 8 | 11, 311 << 8 | 25]),
            st.binary(max_size=60),
        ),
        max_size=8,
    )
)
def test_any_credentials_are_decided_and_never_accepted_by_chance(pairs: list[tuple[int, bytes]]) -> None:
    packet = decode(access_request(pairs, signed=False))
    request = Request(client(), packet, SOURCE, 0.0)
    known = decide(request, view(), entropy)
    unknown = decide(request, None, entropy)
    assert known.code == unknown.code == Code.ACCESS_REJECT
    assert known.attributes == unknown.attributes
    RadiusServer([client()], "auth").respond(request, known.code, known.attributes)


@given(st.binary(max_size=300))
def test_any_value_is_read_or_malformed(value: bytes) -> None:
    assert "\0" not in text(value)
    text(value).encode("utf-8")
    for view_of in (integer, integer64, date, ipv4, ipv6, ipv6_prefix, tagged_integer):
        try:
            view_of(value)
        except MalformedPacket:
            continue
    key = lookup_key(value)
    assert lookup_key(key) == key


@given(st.text(max_size=40))
def test_a_mac_address_once_normalised_stays_so(written: str) -> None:
    mac = normalise_mac(written)
    assert mac is None or normalise_mac(mac) == mac
    assert mac is None or len(mac) == 17


@given(st.binary(min_size=6, max_size=6), st.sampled_from([":", "-", "", " ", "."]), st.booleans())
def test_every_mac_address_is_recognised(octets: bytes, separator: str, upper: bool) -> None:
    written = separator.join(f"{octet:02x}" for octet in octets)
    expected = ":".join(f"{octet:02X}" for octet in octets)
    assert normalise_mac(written.upper() if upper else written) == expected
    assert normalise_mac("1:" + ":".join(f"{octet:x}" for octet in octets)) == expected


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=20))
def test_random_octets_are_never_a_reply(datagram: bytes, secret: bytes) -> None:
    request = build_request(Code.DISCONNECT_REQUEST, 1, Secret(secret), encode_attribute(1, b"nemo"))
    assert isinstance(verify_reply(request, datagram, Secret(secret)), ReplyDrop)


@given(st.integers(-1, 1 << 33), st.binary(max_size=300))
def test_any_attribute_is_encoded_so_that_it_can_be_decoded_or_refused(key: int, value: bytes) -> None:
    try:
        encoded = encode_attributes([(key, value)])
    except EncodeError:
        return
    if key not in {26, 80}:
        length = 20 + len(encoded)
        packet = decode(bytes((1, 1)) + length.to_bytes(2, "big") + bytes(16) + encoded)
        assert packet.attributes == {key: value}
