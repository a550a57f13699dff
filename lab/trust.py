"""What the authority issued before anybody touches the farm."""

from __future__ import annotations

from lab.authority import PFX_PASSWORD, thumbprint, write_private
from lab.world import World


def begin(world: World) -> None:
    """Every machine trusts the authority, and the public certificates of the portal's tiers lie ready as PFX files.

    ``<lab>/certificates/<certificate>.pfx`` holds the names of every tier that uses this certificate.
    """
    root = world.authority.certificate
    for machine in world.machines.values():
        machine.collection("certificate")[thumbprint(root)] = {"store": "Root", "pem": root, "key_pem": None}
    known = world.topology.get("certificates", [])
    wanted: dict[str, list[str]] = {one["name"]: list(one.get("dns_names", [])) for one in known}
    for tier in world.topology.get("portal", {}).get("tiers", []):
        front = tier.get("cluster") or tier.get("load_balancer") or {}
        if tier.get("certificate") and front.get("name"):
            wanted.setdefault(tier["certificate"], []).append(front["name"])
    folder = world.directory / "certificates"
    for certificate, names in wanted.items():
        file = folder / f"{certificate}.pfx"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_private(file, world.authority.pfx(list(dict.fromkeys(names)), PFX_PASSWORD))
