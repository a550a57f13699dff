"""Addresses of the topology, and where they are on this computer."""

from __future__ import annotations


def loopback_of(address: str) -> str:
    """The loopback address that stands for an address of the topology: 172.21.5.121 → 127.21.5.121."""
    return "127." + address.split(".", 1)[1]
