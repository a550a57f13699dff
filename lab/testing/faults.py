"""Faults of the wires: ``world.faults.add(Fault("SQL1", "winrm", nth=3, moment="after"))``."""

from __future__ import annotations

from lab.faults import Fault, Faults

__all__ = ["Fault", "Faults"]
