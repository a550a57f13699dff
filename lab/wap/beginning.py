"""What exists before the farm: SPF installed and load-balanced, the Web Platform Installer and its offline cache."""

from __future__ import annotations

from datetime import timedelta

from lab.authority import thumbprint
from lab.files import resolve_new, share
from lab.replicas import replicas
from lab.sql.installation import server_name
from lab.wap import feed, spf, webpi
from lab.wap.catalogue import COMPONENTS
from lab.wap.releases import release_of
from lab.world import Machine, World

CACHE = "C:\\WebPI"
SHARE = "WebPI"
_APPLICATION = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
_WEB = ("Web-WebServer", "Web-Basic-Auth", "Web-Windows-Auth", "Web-Asp-Net45", "Web-Mgmt-Console")


def begin(world: World) -> None:
    """Once, for a fresh lab; after Windows and SQL Server have begun."""
    portals = [machine for machine in world.machines.values() if "portal" in machine.roles]
    servers = [machine for machine in world.machines.values() if "file" in machine.roles]
    for machine in portals:
        for name in webpi.PROGRAM_NAMES:
            _write(machine, f"{webpi.FOLDER}\\{name}", "stand-in of the lab\n")
        if not any(server.domain == machine.domain for server in servers):
            _cache(machine)
    for server in servers:
        _cache(server)
        share(server, SHARE, CACHE, {"Everyone": "read", "BUILTIN\\Administrators": "full"})
    _spf(world)


def feed_path(world: World, machine: Machine) -> str:
    """Where a portal machine finds the offline feed: on the file server of its domain, else on its own disk."""
    for server in world.machines.values():
        if "file" in server.roles and server.domain == machine.domain:
            return f"\\\\{server.name}\\{SHARE}\\{feed.FEED_PATH}"
    return f"{CACHE}\\{feed.FEED_PATH}"


def _write(machine: Machine, path: str, text: str) -> None:
    file = resolve_new(machine, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _cache(machine: Machine) -> None:
    """The cache that ``WebpiCmd /Offline`` made, and beside it the same packages in one folder."""
    release = release_of(machine.world)
    _write(machine, f"{CACHE}\\{feed.FEED_PATH}", feed.feed_text(release))
    for name in release.components:
        for place in (feed.installer_path(name), f"{release.msi_folder}\\{name}.msi"):
            _write(machine, f"{CACHE}\\{place}", feed.msi_text(COMPONENTS[name]))


def _spf(world: World) -> None:
    known = world.topology.get("spf")
    servers = [machine for machine in world.machines.values() if "spf" in machine.roles]
    if not known or not servers:
        return
    names = [known["name"], *(machine.fqdn for machine in servers)]
    certificate, key = world.authority.server_certificate(names)
    for machine in servers:
        _server(machine, known["port"], certificate, key)
    _cluster(world, known["name"], known["address"], servers)


def _server(machine: Machine, port: int, certificate: str, key: str) -> None:
    from lab.windows import features, firewall_rules, registry

    features.install(machine, _WEB)
    firewall_rules.add(machine, "SPF-HTTPS-In-TCP", "Service Provider Foundation (HTTPS-In)", [port])
    mark = thumbprint(certificate)
    machine.collection("certificate")[mark] = {
        "store": "My",
        "pem": certificate,
        "key_pem": key,
        "friendly_name": "Service Provider Foundation",
    }
    held = f"0.0.0.0:{port}"
    machine.collection("sslbinding")[held] = {"thumbprint": mark, "store": "My", "application": _APPLICATION}
    for pool in ("Admin", "Provider", "VMM", "Usage"):
        machine.collection("apppool")[pool] = {"name": pool, "state": "Started"}
    sites = machine.collection("site")
    sites[spf.SITE] = {
        "name": spf.SITE,
        "id": max((int(site["id"]) for site in sites.values()), default=0) + 1,
        "state": "Started",
        "auto_start": True,
        "path": "C:\\inetpub\\SPF",
        "pool": "Admin",
        "bindings": [{"protocol": "https", "address": "*", "port": port, "host": "", "flags": 0}],
    }
    server = _database_server(machine)
    registry.write(machine, spf.REGISTRY, "DatabaseServer", server, "String")
    registry.write(machine, spf.REGISTRY, "DatabaseName", spf.DATABASE, "String")
    machine.collection("spf")["configuration"] = {"server": server, "account": f"{machine.netbios}\\SVC_SPF"}


def _database_server(machine: Machine) -> str:
    """The listener of the group in the server's own domain, or the first SQL Server there while there is no group;
    empty when SPF's SQL Server is outside the lab."""
    sql = machine.world.topology.get("sql") or {}
    servers = [machine.world.machine(replica.machine) for replica in replicas(machine.world.topology)]
    if any(server.domain == machine.domain for server in servers):
        if not sql.get("adopt", False):
            return server_name(servers[0])
        name, port = str(sql["listener"]["name"]), int(sql["listener"].get("port", 1433))
        return name if port == 1433 else f"{name},{port}"
    return ""


def _cluster(world: World, name: str, address: str, servers: list[Machine]) -> None:
    """NLB as the article leaves it: unicast, the default rule for all ports, every node converged."""
    from lab.windows import features, nlb

    now = (world.clock.now() - timedelta(days=1)).isoformat()
    interfaces = {entry["name"].lower(): entry.get("interface") for entry in world.topology["machines"]}
    world.collection("nlb", "cluster")[name] = {
        "name": name,
        "address": address,
        "mask": "255.255.255.0",
        "mode": "UNICAST",
        "mac": nlb.cluster_mac(address, "UNICAST"),
        "nodes": [machine.name for machine in servers],
        "further": [],
    }
    for priority, machine in enumerate(servers, 1):
        features.install(machine, ["NLB", "RSAT", "RSAT-Feature-Tools", "RSAT-NLB"])
        interface = interfaces.get(machine.name.lower()) or "Ethernet"
        machine.collection("nlb-node")[interface] = {
            "cluster": name,
            "interface": interface,
            "state": "Converged",
            "converged_at": now,
            "host_priority": priority,
            "initial_state": "Started",
            "retain_suspended": True,
            "port_rules": [nlb.default_rule()],
        }
