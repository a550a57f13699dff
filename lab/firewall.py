"""Windows Firewall of a machine: which connections from outside its rules allow.

Documents: ``machine.collection("firewall")[name]`` is one rule, as the cmdlets of NetSecurity write it
(``lab.windows.network_firewall``); ``machine.collection("firewall-profile")["Domain"]`` = {"enabled": bool}. A machine
without that document (a world of unit tests) filters nothing.

Rules of the real thing (Microsoft: "Understanding Windows Firewall rules", New-NetFirewallRule): what no rule allows is
blocked on the way in; a rule that blocks goes before every rule that allows; a connection of a machine to itself passes
always. Members of a domain use the profile Domain. A rule for a program, a service, users or computers, or one that
asks for IPsec, covers nothing here: whose a connection is, is not modelled. Nor are rules on the way out (everything
may leave), and that an established connection ends when its rule goes (here it goes on).
"""

from __future__ import annotations

import ipaddress
import itertools
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

from lab.store import Collection, Document

PROFILE = "Domain"
RPC = "RPC"
"""The dynamic ports of RPC, as a rule's local port names them."""
_NUMBERS = {"6": "tcp", "17": "udp"}
_KEYWORDS = {"rpc-epmap": "rpcepmap"}


class Host(Protocol):
    """What the network knows of a machine (``lab.world.Machine``)."""

    @property
    def domain(self) -> str:
        """By its DNS name."""

    @property
    def address(self) -> str:
        """The one of the topology."""

    @property
    def loopback(self) -> str:
        """Where the lab binds."""

    def collection(self, kind: str) -> Collection: ...


class Range(NamedTuple):
    """Addresses from the first to the last, as numbers."""

    first: int
    last: int


def on(machine: Host) -> bool:
    """Whether the machine filters at all."""
    profile = machine.collection("firewall-profile").get(PROFILE)
    return profile is not None and bool(profile["enabled"])


def admits(machine: Host, source: str | None, port: int | str, protocol: str = "TCP") -> bool:
    """Whether a connection from an address of the topology (None: from outside all of its networks) gets in."""
    return Filter(machine).admits(source, port, protocol)


class Filter:
    """The rules of a machine at one moment, for many questions."""

    def __init__(self, machine: Host) -> None:
        self._machine, self._on = machine, on(machine)
        self._rules = [rule for _, rule in machine.collection("firewall").peek_all()] if self._on else []

    def admits(self, source: str | None, port: int | str, protocol: str = "TCP") -> bool:
        if not self._on:
            return True
        actions = {rule["action"] for rule in self._rules if _covers(self._machine, rule, source, port, protocol)}
        return "Allow" in actions and "Block" not in actions

    def parts(self, subnet: ipaddress.IPv4Network) -> list[Range]:
        """A subnet in parts, in order: no rule tells one address of a part from another."""
        specs = {spec for rule in self._rules for spec in rule["remote_address"]}
        known = [one for spec in specs for one in _ranges(self._machine, spec)]
        first, last = Range(int(subnet[0]), int(subnet[-1]))
        edges = {first, last + 1, *(one.first for one in known), *(one.last + 1 for one in known)}
        inside = sorted(edge for edge in edges if first <= edge <= last + 1)
        return [Range(begin, end - 1) for begin, end in itertools.pairwise(inside)]


def _covers(machine: Host, rule: Document, source: str | None, port: int | str, protocol: str) -> bool:
    profiles = {part.strip().lower() for part in rule["profile"].split(",")}
    return (
        rule["enabled"] == "True"
        and rule["direction"] == "Inbound"
        and bool(profiles & {"any", PROFILE.lower()})
        and _NUMBERS.get(rule["protocol"], rule["protocol"].lower()) in ("any", protocol.lower())
        and any(_is_port(spec, port) for spec in rule["local_port"])
        and any(_is_address(machine, spec, machine.address) for spec in rule["local_address"])
        and any(_is_address(machine, spec, source) for spec in rule["remote_address"])
        and _any(rule["remote_port"])  # a client's own port is any
        and all(_is_card(machine, name, words) for name, words in rule.get("limits", {}).items())
    )


def _any(specs: list[str]) -> bool:
    return any(spec.strip().lower() == "any" for spec in specs)


def _is_card(machine: Host, limit: str, words: list[str]) -> bool:
    """Whether a limit is one of network cards, and leaves the machine's in: its cards are all wired."""
    if limit == "InterfaceType":
        return words == ["Wired"]
    cards = [str(name).lower() for name in machine.collection("interface")]
    return limit == "InterfaceAlias" and any(fnmatchcase(card, word.lower()) for card in cards for word in words)


def _is_port(spec: str, port: int | str) -> bool:
    spec = spec.strip().lower()
    if spec == "any":
        return True
    if isinstance(port, str):
        return _KEYWORDS.get(spec, spec) == port.lower()
    if spec in ("rpcepmap", "rpc-epmap"):
        return port == 135
    first, _, last = spec.partition("-")
    return first.isdigit() and int(first) <= port <= int(last or first)


PROTOCOLS = ("any", "tcp", "udp", "icmpv4", "icmpv6")
_PORT_WORDS = {
    "rpc": "tcp",
    "rpcepmap": "tcp",
    "rpc-epmap": "tcp",
    "iphttpsin": "tcp",
    "iphttpsout": "tcp",
    "teredo": "udp",
    "ply2disc": "udp",
    "playtodiscovery": "udp",
}
"""The words for ports, and the one protocol that each of them belongs to."""


def is_protocol(spec: str) -> bool:
    """Whether a rule can have this as its protocol: a name, or a number up to 255."""
    return spec.lower() in PROTOCOLS or (spec.isascii() and spec.isdigit() and int(spec) < 256)


def has_ports(protocol: str) -> bool:
    return _NUMBERS.get(protocol, protocol.lower()) in ("tcp", "udp")


def port_fault(spec: str, protocol: str) -> str | None:
    """Why a rule of this protocol cannot have this as a port, in Windows' words; None when it can.

    Source: New-NetFirewallRule (ports need TCP or UDP; numbers, ranges, words). The first sentence was seen on Windows
    (dsccommunity/NetworkingDsc, issue 34); the words of the other two are unproven.
    """
    word = spec.strip().lower()
    if word == "any":
        return None
    kind = _NUMBERS.get(protocol, protocol.lower())
    if not has_ports(protocol):
        return "A port can only be specified if the protocol is TCP or UDP."
    first, dash, last = word.partition("-")
    if word not in _PORT_WORDS and first.isascii() and first.isdigit():
        high = last if dash else first
        if high.isascii() and high.isdigit() and int(first) <= int(high) <= 65535:
            return None
        return "The port number is invalid. Ports are numbers from 0 to 65535, or ranges of them."
    return None if _PORT_WORDS.get(word) == kind else "One of the port keywords is invalid."


def is_address(spec: str) -> bool:
    """Whether a rule can have this as an address: a word, an address, a range of them, a subnet in either form."""
    if spec.lower() in ("any", "localsubnet", "localsubnet4"):
        return True
    first, dash, last = spec.partition("-")
    try:
        if dash:
            ipaddress.IPv4Address(first)
            ipaddress.IPv4Address(last)
        else:
            ipaddress.IPv4Network(spec, strict=False)
    except ValueError:
        return False
    return True


def _is_address(machine: Host, spec: str, address: str | None) -> bool:
    if spec.strip().lower() == "any":
        return True
    if address is None:
        return False
    known = int(ipaddress.IPv4Address(address))
    return any(first <= known <= last for first, last in _ranges(machine, spec))


def _ranges(machine: Host, spec: str) -> list[Range]:
    """The addresses that a rule's word stands for; none for ``Any``, which is no matter of addresses."""
    spec = spec.strip()
    if spec.lower() == "any":
        return []
    if spec.lower() in ("localsubnet", "localsubnet4"):
        cards = machine.collection("interface").values()
        specs = [f"{card['address']}/{card['mask']}" for card in cards]
        return [one for each in specs for one in _ranges(machine, each)]
    first, dash, last = spec.partition("-")
    if dash:
        return [Range(int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last)))]
    subnet = ipaddress.IPv4Network(spec, strict=False)
    return [Range(int(subnet[0]), int(subnet[-1]))]
