"""PEAP version 0 with EAP-MSCHAPv2 inside (draft-kamath-pppext-peapv0; [MS-PEAP]; RFC 9427)."""

from enum import Enum, auto
from typing import Final

from netbilld.radius.access import Method, Reason
from netbilld.radius.eap import packet
from netbilld.radius.eap.mschapv2 import CHALLENGE_OCTETS, InnerMsChapV2
from netbilld.radius.eap.packet import EapCode, EapType
from netbilld.radius.eap.resumption import Resumption
from netbilld.radius.eap.steps import Find, Granted, Refused
from netbilld.radius.eap.tls_method import TlsMethod
from netbilld.radius.eap.tunnel import TlsEngine
from netbilld.radius.packet import MAX_VALUE_OCTETS

_RESULT_TLV: Final = b"\x80\x03\0\2"  # mandatory, Result, two octets
_RESULT_SUCCESS: Final = _RESULT_TLV + b"\0\1"
_RESULT_FAILURE: Final = _RESULT_TLV + b"\0\2"
ENTROPY_OCTETS: Final = 2 * CHALLENGE_OCTETS


class _Stage(Enum):
    IDENTITY = auto()
    MSCHAPV2 = auto()
    RESULT = auto()


class PeapMethod(TlsMethod):
    """Inside the tunnel: Identity, MS-CHAPv2, and a Result that both ends say."""

    kind = EapType.PEAP
    name: Method = "eap-peap"

    def __init__(
        self,
        identity: bytes,
        engine: TlsEngine,
        resumption: Resumption,
        room_octets: int,
        now_mono: float,
        *,
        entropy: bytes,
    ) -> None:
        """Begin; `entropy` is 32 fresh octets."""
        super().__init__(identity, engine, resumption, room_octets, now_mono)
        self._entropy = entropy
        self._stage = _Stage.IDENTITY
        self._asked = False
        self._identifier = 0
        self._inner: InnerMsChapV2 | None = None
        self._inner_verdict: Granted | Refused | None = None

    @property
    def refused(self) -> Refused | None:
        """Why the peer will be refused: MS-CHAPv2 tells it before the Result does."""
        verdict = self._inner_verdict or (self._inner.verdict if self._inner is not None else None)
        return verdict if isinstance(verdict, Refused) else super().refused

    def _established(self, data: bytes, find: Find) -> Granted | Refused | None:
        del data  # it is our turn to speak
        resumed = self._resumed(find)
        if resumed is not None:
            self._say_result(resumed)
            return None
        # With TLS 1.2 our Finished goes out first and is acknowledged; with 1.3 the peer waits for us.
        if self._tunnel.version == "1.3":
            self._ask_identity()
        return None

    def _acknowledged(self, find: Find) -> Granted | Refused | None:
        del find
        if self._asked:
            return Refused(Reason.EAP_FAILED, detail="the peer says nothing inside PEAP")
        self._ask_identity()
        return None

    def _heard(self, data: bytes, find: Find) -> Granted | Refused | None:
        if not data:
            return None
        kind, inside = _uncompressed(data)
        if self._stage is _Stage.RESULT and self._inner_verdict is not None:
            return self._concluded(kind, inside, self._inner_verdict)
        if kind == EapType.NAK:
            detail = "the peer wants another method than MS-CHAPv2 inside PEAP"
            self._say_result(Refused(Reason.NO_COMMON_METHOD, detail=detail))
            return None
        if self._stage is _Stage.IDENTITY and kind == EapType.IDENTITY and inside:
            self.identity = inside[:MAX_VALUE_OCTETS].rstrip(b"\0")
            challenge, error_challenge = self._entropy[:CHALLENGE_OCTETS], self._entropy[CHALLENGE_OCTETS:]
            self._inner = InnerMsChapV2(self.identity, challenge, error_challenge)
            self._stage = _Stage.MSCHAPV2
            self._ask(EapType.MSCHAPV2, self._inner.start())
            return None
        if self._inner is not None and kind == EapType.MSCHAPV2:
            step = self._inner.answer(inside, find)
            if not isinstance(step, bytes):
                self._say_result(step)
                return None
            self._ask(EapType.MSCHAPV2, step)
            return None
        self._say_result(Refused(Reason.EAP_FAILED, detail="unexpected inside the PEAP tunnel"))
        return None

    def _ask_identity(self) -> None:
        self._asked = True
        self._ask(EapType.IDENTITY, b"")

    def _ask(self, kind: EapType, data: bytes) -> None:
        """Say a Request inside; version 0 leaves its header away, but not that of a TLV."""
        self._identifier = (self._identifier + 1) & 0xFF
        if kind is EapType.TLV:
            self._tunnel.write(packet.request(self._identifier, kind, data))
        else:
            self._tunnel.write(bytes((kind,)) + data)

    def _say_result(self, verdict: Granted | Refused) -> None:
        self._stage = _Stage.RESULT
        self._inner_verdict = verdict
        self._ask(EapType.TLV, _RESULT_SUCCESS if isinstance(verdict, Granted) else _RESULT_FAILURE)

    def _concluded(self, kind: int, inside: bytes, verdict: Granted | Refused) -> Granted | Refused:
        if isinstance(verdict, Granted) and (kind != EapType.TLV or _RESULT_SUCCESS not in inside):
            return Refused(Reason.EAP_FAILED, verdict.view, "the peer does not agree that it succeeded")
        return verdict


def _uncompressed(data: bytes) -> tuple[int, bytes]:
    """Return type and data of what the peer said inside; it may have left the header away or not."""
    whole = packet.decode(data)
    if whole is not None and whole.code == EapCode.RESPONSE and len(data) == data[2] << 8 | data[3]:
        return whole.kind, whole.data
    return data[0], data[1:]
