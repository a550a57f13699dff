"""Every machine by itself: reached over WinRM with its certificate checked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from components.steps import load_script
from operations.configuration import Context
from operations.row import Check, expect

LEVEL = "machines"


def checks(context: Context) -> Iterator[Check]:
    managed = _managed(context)
    for machine in context.topology.machines:
        if machine.name in managed:
            what = "WinRM answers, certificate trusted"
            yield Check(LEVEL, machine.name, what, partial(_reach, context, machine.name))


def _managed(context: Context) -> set[str]:
    topology = context.topology
    portal_and_spf = {machine.name for machine in (*topology.portal_nodes, *topology.spf_servers)}
    return portal_and_spf | {replica.machine for replica in topology.replicas}


def _reach(context: Context, machine: str) -> str:
    host = context.remote.hosts[machine]
    booted = context.remote.powershell(machine).run(
        load_script("windows/read_clock.ps1"), attempted="ask for its clock"
    )[0]
    wrong = "" if host.verify else "its certificate is not checked (`verify: false` in `hosts`)"
    return expect([wrong], f"its clock says {booted[:19]}")
