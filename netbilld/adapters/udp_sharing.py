"""Several sockets on one UDP port, each always hearing the same NAS.

The kernel chooses among sockets of a SO_REUSEPORT group by a hash of both addresses and ports, so a NAS with several
source ports would reach several processes, and a retransmission another one than its request. A classic BPF program
chooses by the source address alone (socket(7), SO_ATTACH_REUSEPORT_CBPF).
"""

import ctypes
import socket
import struct
from typing import Final

_SO_ATTACH_REUSEPORT_CBPF: Final = 51
_INSTRUCTION: Final = struct.Struct("=HBBI")
_PROGRAM: Final = struct.Struct("@HP")
# <linux/filter.h>: offsets from here on are counted from the network header
_NET_OFFSET: Final = -0x100000 & 0xFFFFFFFF
_LOAD_OCTET, _LOAD_WORD = 0x30, 0x20
_SHIFT_RIGHT, _MODULO, _JUMP, _JUMP_IF_EQUAL, _RETURN_A = 0x74, 0x94, 0x05, 0x15, 0x16
_IPV4_SOURCE, _IPV6_SOURCE_END = 12, 20


def steer_by_source(sock: socket.socket, sockets: int) -> None:
    """Have the kernel give datagrams to the group's sockets, in the order of their binding, by source address.

    Raises:
        OSError: the kernel does not know such programs.
    """
    program = b"".join(
        _INSTRUCTION.pack(*instruction)
        for instruction in (
            (_LOAD_OCTET, 0, 0, _NET_OFFSET),
            (_SHIFT_RIGHT, 0, 0, 4),  # the version, since a socket of `::` may hear IPv4 too
            (_JUMP_IF_EQUAL, 0, 2, 4),
            (_LOAD_WORD, 0, 0, _NET_OFFSET + _IPV4_SOURCE),
            (_JUMP, 0, 0, 1),
            (_LOAD_WORD, 0, 0, _NET_OFFSET + _IPV6_SOURCE_END),
            (_MODULO, 0, 0, sockets),
            (_RETURN_A, 0, 0, 0),
        )
    )
    kept = ctypes.create_string_buffer(program, len(program))
    packed = _PROGRAM.pack(len(program) // _INSTRUCTION.size, ctypes.addressof(kept))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, packed)
