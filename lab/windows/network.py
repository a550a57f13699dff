"""Network interfaces of a machine: one card each, with the topology's static address.

Document in the machine's collection ``interface``: ``{"name", "address", "mask", "dhcp", "mac", "index"}`` by name.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from lab.world import Document, Machine, World

DEFAULT_NAME = "Ethernet"


def begin(world: World) -> None:
    """One card per machine, named as the topology says, with the mask of its domain's subnet."""
    domains = {domain["name"].lower(): domain for domain in world.topology.get("domains", [])}
    known: dict[str, Any] = {entry["name"].lower(): entry for entry in world.topology.get("machines", [])}
    for machine in world.machines.values():
        subnet = domains.get(machine.domain.lower(), {}).get("subnet", f"{machine.address}/24")
        name = known.get(machine.name.lower(), {}).get("interface", DEFAULT_NAME)
        machine.collection("interface")[name] = {
            "name": name,
            "address": machine.address,
            "mask": str(ipaddress.ip_network(subnet, strict=False).netmask),
            "dhcp": False,
            "mac": _mac(machine),
            "index": 12,
        }


def interface(machine: Machine, name: str) -> Document | None:
    return machine.collection("interface").get(name)


def rename(machine: Machine, old: str, new: str) -> None:
    """Give a card another name, as an administrator does. What is bound to it, NLB too, stays bound under the new name
    (unproven: Windows keeps bindings by the card's identifier)."""
    for kind, key in (("interface", "name"), ("nlb-node", "interface")):
        documents = machine.collection(kind)
        if old in documents:
            document = documents[old]
            del documents[old]
            documents[new] = {**document, key: new}


def _mac(machine: Machine) -> str:
    """A card of Hyper-V (its range of addresses begins with 00-15-5D); the same machine keeps its address."""
    tail = hashlib.sha256(machine.name.lower().encode()).digest()[:3]
    return "-".join(f"{byte:02X}" for byte in (0x00, 0x15, 0x5D, *tail))
