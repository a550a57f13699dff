"""Is every machine what the program expects to find: Windows, its state, its disk, its network card, its quotas?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from components.portal.software import installed
from components.topology.parts import Machine
from components.topology.portal import Tier
from operations.doctor.check import Check, Judged, ok, unknown, warning, wrong
from operations.doctor.farm import Farm

PART = "machine"
WINDOWS_2012 = "6.2"
NET_45 = 378389
"""Release of .NET Framework 4.5 in the registry."""
ENOUGH_MEGABYTES, LEAST_MEGABYTES = 10 * 1024, 2 * 1024
"""The portal's packages with IIS take less than two gigabytes; ten leave room for logs."""
SHELL_MEGABYTES = 150
"""What a shell has on Windows Server 2012 without KB2842230, whatever is configured."""
CONFIGURATION_SITE = 30101


def checks(farm: Farm) -> Iterator[Check]:
    for machine in farm.machines:
        name = machine.name
        yield _check(
            farm, name, "Windows, PowerShell, .NET", "Server 2012, 3.0, 4.5", "windows/read_system.ps1", _system
        )
        yield _check(farm, name, "restart that Windows waits for", "none", "windows/read_restarts.ps1", _restarts)
        yield _check(farm, name, "free disk", f"{ENOUGH_MEGABYTES // 1024} GB", "windows/read_disks.ps1", _disks)
        card = partial(_cards, machine)
        yield _check(farm, name, "network card", _card_needed(machine), "windows/read_cards.ps1", card)
        needed = f"KB2842230, and more than {SHELL_MEGABYTES} MB"
        yield _check(farm, name, "memory of a remote shell", needed, "windows/read_shell_quota.ps1", _quota)
    for tier in farm.topology.portal.tiers:
        for node in tier.nodes:
            look = partial(_taken, farm, tier, node)
            yield Check(PART, node, "ports that the portal needs", "free", look, _free, through=node)


def _check(farm: Farm, machine: str, what: str, needed: str, script: str, judge: Any) -> Check:
    return Check(PART, machine, what, needed, partial(farm.run, machine, script), judge, through=machine)


def _system(answer: list[dict[str, Any]]) -> Judged:
    (said,) = answer
    on = f", on {said['host']}" if said["host"] else ""
    found = f"{said['caption']} ({said['version']}), PowerShell {said['powershell']}, .NET {said['framework']}{on}"
    version = str(said["version"])
    if not version.startswith(f"{WINDOWS_2012}."):
        newer = _numbers(version) > _numbers(WINDOWS_2012)
        to_do = "Windows Azure Pack is made for Windows Server 2012 and 2012 R2."
        return warning(found, to_do) if newer else wrong(found, to_do)
    if _numbers(str(said["powershell"])) < (3, 0) or said["framework"] < NET_45:
        return wrong(found, "Install Windows Management Framework 3.0 and .NET Framework 4.5.")
    return ok(found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _restarts(answer: list[dict[str, Any]]) -> Judged:
    (said,) = answer
    reasons = [f"files to rename or delete: {', '.join(said['files'])}"] if said["files"] else []
    reasons += ["component servicing"] if said["servicing"] else []
    reasons += ["Windows Update"] if said["update"] else []
    return warning("; ".join(reasons), "Restart it before `up`.") if reasons else ok("none")


def _disks(answer: list[dict[str, Any]]) -> Judged:
    found = ", ".join(f"{disk['name']} {disk['free'] // 1024} GB" for disk in answer)
    system = next((disk["free"] for disk in answer if disk["name"].upper() == "C:"), None)
    if system is None:
        return unknown(found or "no local disk", "See where Windows is installed.")
    to_do = "Make room on C:."
    if system < LEAST_MEGABYTES:
        return wrong(found, to_do)
    return warning(found, to_do) if system < ENOUGH_MEGABYTES else ok(found)


def _card_needed(machine: Machine) -> str:
    return f"{machine.interface or 'a card'} with {machine.address}, static"


def _cards(machine: Machine, answer: list[dict[str, Any]]) -> Judged:
    found = "; ".join(
        f"{card['name']} {', '.join(card['addresses']) or 'without address'}{' from DHCP' if card['dhcp'] else ''}"
        for card in answer
    )
    if machine.interface and machine.interface.lower() not in [card["name"].lower() for card in answer]:
        return wrong(found or "none", f"Name the right card as `interface` of {machine.name} in the topology.")
    with_it = [card for card in answer if str(machine.address) in card["addresses"]]
    if not with_it:
        return wrong(found or "none", f"Correct `address` of {machine.name} in the topology, or the card's.")
    if machine.interface and with_it[0]["name"].lower() != machine.interface.lower():
        return wrong(found, f"The address is on {with_it[0]['name']}: correct `interface` of {machine.name}.")
    if with_it[0]["dhcp"]:
        return wrong(found, "Give the card a static address: NLB and failover clusters need one.")
    return ok(found)


def _quota(answer: list[dict[str, Any]]) -> Judged:
    (said,) = answer
    found = f"{said['megabytes']} MB configured, KB2842230 {'installed' if said['updated'] else 'not listed'}"
    if not said["updated"]:
        to_do = f"Install KB2842230: without it Windows allows {SHELL_MEGABYTES} MB, whatever is configured."
        return warning(found, to_do)
    if 0 < said["megabytes"] <= SHELL_MEGABYTES:
        return warning(found, r"Raise WSMan:\localhost\Shell\MaxMemoryPerShellMB to 1024.")
    return ok(found)


def _taken(farm: Farm, tier: Tier, node: str) -> list[int] | None:
    """The needed ports that something else has; None where the portal is installed and has them itself."""
    if installed(farm.remote, node, tier.features, (), "look at its software").features:
        return None
    needed = {*farm.topology.portal.ports(tier), CONFIGURATION_SITE}
    return sorted(needed & {int(port) for port in farm.run(node, "windows/read_listeners.ps1")})


def _free(taken: list[int] | None) -> Judged:
    if taken is None:
        return ok("the portal's own sites have them")
    if taken:
        return wrong(f"something listens on {', '.join(str(port) for port in taken)}", "End what listens there.")
    return ok("free")
