"""A loopback network of its own for every process that runs tests.

The lab listens on fixed addresses below 127.0.0.0/8, on the ports that Windows uses. In a network namespace
(network_namespaces(7)) these addresses belong to one process and its children, so that modules run side by side, and
two suites in two clones at once. Where the kernel refuses one, tests share the computer's loopback network: then one
process runs them, and a second suite waits until the first one has ended.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_SHARED = Path(tempfile.gettempdir()) / "lab-tests.lock"

_held: list[int] = []
"""The lock's descriptor, open as long as this process lives."""
_isolated: list[bool] = []
"""What came of the first attempt of this process."""


def isolate_pytest(config: pytest.Config) -> None:
    """What a conftest's ``pytest_cmdline_main`` (``tryfirst``) calls: in the first process and in each that xdist
    starts. Without namespaces one process runs all tests, when no other suite runs. Harmless twice."""
    if _isolated:
        return
    _isolated.append(isolate())
    if _isolated[0] or hasattr(config, "workerinput"):
        return
    if config.option.numprocesses:
        print("The kernel refuses network namespaces: one process runs all tests, when no other suite runs.")
        config.option.numprocesses = 0
    take_turns()


def isolate() -> bool:
    """Move this thread, and every thread and process it starts from now on, into a network of its own.

    False where the kernel refuses. Root needs CAP_SYS_ADMIN; anybody else gets it in a user namespace, which a process
    can only enter while it has one thread: at the beginning of the first process.
    """
    if os.geteuid() == 0:
        entered = _unshare(_CLONE_NEWNET)
    else:
        user, group = os.geteuid(), os.getegid()
        entered = _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        if entered:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    if entered:
        _switch_loopback_on()
    return entered


def take_turns() -> None:
    """Wait until no other suite uses the computer's own loopback network; it is this process's until its end."""
    descriptor = os.open(_SHARED, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _held.append(descriptor)


def _unshare(flags: int) -> bool:
    return int(ctypes.CDLL(None).unshare(flags)) == 0


def _switch_loopback_on() -> None:
    """``ip link set lo up``: a new network namespace has its loopback interface down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
