"""What IIS knows: sites, their bindings, application pools, and which certificate HTTP.sys holds for which address.

Documents of a machine:

- ``site`` by name: ``{"name", "id", "state": "Started"|"Stopped", "path", "pool", "auto_start",
  "bindings": [{"protocol", "address": "*", "port", "host", "flags"}]}``
- ``sslbinding`` by ``0.0.0.0:443`` (or ``host:443`` for a binding with server name indication):
  ``{"thumbprint", "store", "application"}``
- ``apppool`` by name: ``{"name", "state"}``
- ``certificate``: see ``lab.windows.certificates``
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.powershell.api import NotModelledError

if TYPE_CHECKING:
    from lab.world import Document, Machine

SNI = 1
CENTRAL_STORE = 2
IIS_APPLICATION = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
"""The application id under which IIS registers its certificates in HTTP.sys."""


@dataclass(frozen=True)
class Binding:
    """One binding of a site. ``address`` is ``*`` or an address, ``host`` is empty when every name is served."""

    protocol: str
    address: str
    port: int
    host: str = ""
    flags: int = 0

    @property
    def information(self) -> str:
        return f"{self.address}:{self.port}:{self.host}"

    @property
    def prefix(self) -> tuple[str, int, str]:
        """What HTTP.sys registers: no two running sites may hold the same one."""
        return (self.address, self.port, self.host.lower())

    @property
    def ssl_key(self) -> str:
        """Where HTTP.sys looks up the certificate of this binding."""
        if self.flags & CENTRAL_STORE:
            raise NotModelledError("the central certificate store of IIS")
        if self.flags & SNI:
            return f"{self.host}:{self.port}"
        return f"{'0.0.0.0' if self.address == '*' else self.address}:{self.port}"  # noqa: S104 - a name, not a socket

    def document(self) -> Document:
        return {
            "protocol": self.protocol,
            "address": self.address,
            "port": self.port,
            "host": self.host,
            "flags": self.flags,
        }


def parse_information(text: str) -> tuple[str, int, str]:
    """``*:443:name`` as (address, port, host). Raises ValueError for anything else."""
    address, port, host = text.rsplit(":", 2)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(text)
    return address, int(port), host


def bindings(site: Document) -> list[Binding]:
    return [
        Binding(
            b["protocol"], b.get("address", "*") or "*", int(b["port"]), b.get("host", "") or "", b.get("flags", 0) or 0
        )
        for b in site["bindings"]
    ]


def sites(machine: Machine) -> list[Document]:
    """All sites in the order of their ids."""
    return sorted(machine.collection("site").values(), key=lambda site: int(site["id"]))


def reachable(machine: Machine, binding: Binding) -> bool:
    """Whether a packet for the machine's own address can reach the binding."""
    return binding.protocol in ("http", "https") and binding.address in ("*", machine.address)


def running_service(machine: Machine) -> bool:
    """Whether W3SVC runs or is starting. On a machine whose services are not described (a small test) it does."""
    services = machine.collection("service")
    return "W3SVC" not in services or services["W3SVC"]["status"] in ("Running", "StartPending")


def served_by(machine: Machine, port: int, host: str) -> Document | None:
    """The running site that HTTP.sys routes a request to: the exact host name first, then the binding for any name."""
    fallback: Document | None = None
    for site in sites(machine):
        if site["state"] != "Started":
            continue
        for binding in bindings(site):
            if binding.port != port or not reachable(machine, binding):
                continue
            if binding.host and binding.host.lower() == host.lower():
                return site
            if not binding.host and fallback is None:
                fallback = site
    return fallback


def certificate_key(machine: Machine, port: int, server_name: str | None) -> str | None:
    """Which entry of ``sslbinding`` answers a TLS handshake: by server name, then by address, then the wildcard."""
    held = machine.collection("sslbinding")
    candidates = [f"{server_name}:{port}"] if server_name else []
    candidates += [f"{machine.address}:{port}", f"0.0.0.0:{port}"]
    return next((key for key in candidates if key in held), None)
