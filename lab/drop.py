"""Drops connections on their way to a listening socket, so that a client hears nothing, as behind a packet filter.

The kernel runs a classic BPF program on every packet that comes to a socket (socket(7), SO_ATTACH_FILTER); what it
rejects is gone without an answer. Newer kernels (seen on 6.18) want CAP_NET_ADMIN for it. Connections that are open
already have the program of the moment at which they came, so they go on.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable

from lab.outsiders import Outsiders

_SO_ATTACH_FILTER = 26
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_GREATER, _JUMP_IF_NOT_LESS, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x06
_SOURCE_ADDRESS = 0xFFF00000 + 12
"""SKF_NET_OFF and the place of the source address in an IPv4 header."""
_ALL, _NOTHING = 0xFFFFFFFF, 0

NEEDED = (
    "this kernel lets nobody without CAP_NET_ADMIN filter connections (SO_ATTACH_FILTER), as the lab's firewalls do. "
    "Run the lab as root, or everything in a shell with a network of its own: "
    "unshare --map-root-user --net sh -c 'ip link set lo up; exec sh'"
)

Instruction = tuple[int, int, int, int]


def program(known: Outsiders) -> list[Instruction]:
    """Load the source address, look it up, keep or drop: the machines first, then the networks around them."""
    lines: list[Instruction] = [(_LOAD, 0, 0, _SOURCE_ADDRESS)]
    for address, passes in known.machines.items():
        lines += [(_JUMP_IF_EQUAL, 0, 1, _number(address)), _end(passes)]
    for first, last, passes in known.networks:
        lines += [(_JUMP_IF_NOT_LESS, 0, 2, _number(first)), (_JUMP_IF_GREATER, 1, 0, _number(last)), _end(passes)]
    return [*lines, _end(known.others)]


def _end(passes: bool) -> Instruction:
    return (_RETURN, 0, 0, _ALL if passes else _NOTHING)


def attach(sockets: Iterable[socket.socket], known: Outsiders) -> None:
    """Filter listening sockets from now on, instead of what filtered them before. Raises PermissionError, with the way
    out, where the kernel wants CAP_NET_ADMIN."""
    lines = program(known)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    for one in sockets:
        try:
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(lines), ctypes.addressof(code)))
        except PermissionError as error:
            raise PermissionError(error.errno, NEEDED) from error


def missing_right() -> str:
    """Why this process may not filter connections; empty where it may."""
    with socket.socket() as one:
        try:
            attach([one], Outsiders({}, others=True))
        except PermissionError as error:
            return error.strerror or NEEDED
    return ""


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")
