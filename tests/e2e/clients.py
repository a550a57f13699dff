"""Clients of a load balanced name that ask all the time, from many addresses, and remember what failed."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.farm import Farm

ADDRESSES = tuple(f"127.0.9.{number}" for number in range(1, 17))
"""Where the clients are: affinity sends each to one node."""

PAUSE = 0.03
"""Between two requests: the clients shall not be all that this computer has to do."""


@dataclass
class Asked:
    """What came of the requests so far."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How many were answered, by port and the certificate of the site that did."""
    failed: list[str] = field(default_factory=list)


WHOSE = "whose.hyper-v.nu"
"""The name under which each node's site for the tenants' log-on has a certificate of its own, inside ``told_apart``."""
AUTH_SITE = 30071


@contextmanager
def told_apart(farm: Farm, machines: Iterable[str]) -> Iterator[None]:
    """All nodes of a tier answer with one certificate. Under one more name, chosen by server name indication, the
    site of each node where tenants log on has another one: that of the site that configures the portal."""
    named = f"-Name 'MgmtSvc-AuthSite' -Protocol https -Port {AUTH_SITE} -HostHeader '{WHOSE}'"
    begin = f"""
$own = (Get-WebBinding -Name 'MgmtSvc-ConfigSite' -Protocol https).certificateHash
[void](New-WebBinding {named} -SslFlags 1)
(Get-WebBinding {named}).AddSslCertificate($own, 'My')"""
    end = f"""
$binding = Get-WebBinding {named}
$binding.RemoveSslCertificate()
$binding | Remove-WebBinding"""
    machines = list(machines)
    for machine in machines:
        farm.remote.forget(machine)  # it may have been down meanwhile
        farm.powershell(machine, begin)
    try:
        yield
    finally:
        for machine in machines:
            farm.powershell(machine, end)


def fetch(address: str, port: int, client: str = "127.0.0.1", name: str | None = None) -> str:
    """One request of one client; the SHA-1 of the certificate that the answer came with. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, port), 20, source_address=(client, 0)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        secured.sendall(b"GET / HTTP/1.1\r\nHost: portal.hyper-v.nu\r\nConnection: close\r\n\r\n")
        first = secured.recv(4096).split(b"\r\n")[0].decode()
        if not first.startswith("HTTP/1.1 ") or int(first.split()[1]) >= 500:
            raise OSError(f"answered {first or 'nothing'}")
        return hashlib.sha1(secured.getpeercert(binary_form=True) or b"").hexdigest()


@contextmanager
def asking(address: str, *ports: int, name: str | None = None) -> Iterator[Asked]:
    """Ask on every port from every address, again and again, until the end of the block."""
    asked, done = Asked(), threading.Event()

    def go_on() -> None:
        while not done.is_set():
            for client in ADDRESSES:
                for port in ports:
                    try:
                        asked.answers[port, fetch(address, port, client, name)] += 1
                    except OSError as error:
                        asked.failed.append(f"{client} on port {port}: {error}")
                    done.wait(PAUSE)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield asked
    finally:
        done.set()
        thread.join()
