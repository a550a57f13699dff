"""Whether two replicas reach each other: through the endpoints for database mirroring, as service accounts.

A replica's URL has to lead to a started endpoint of its own instance, and the service account of each side has to be
admitted by the other's endpoint: as a login that owns it, is in sysadmin or has CONNECT on it (SQL Server
documentation, "Set Up Login Accounts for Database Mirroring or AlwaysOn", "GRANT Endpoint Permissions"). Encryption has
to fit on both sides ("CREATE ENDPOINT"), and either side's firewall has to let the other in ("Troubleshoot AlwaysOn
Availability Groups Configuration": inbound access to the endpoint's port on every server). Unproven: that one account
for all servers needs a login, too; that a connection ends when its firewall rule goes; and that
sys.dm_hadr_availability_replica_states shows 35201 for every one of these reasons.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab import routes
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.storage.space import ServerSpace
from lab.sql.installation import installed

if TYPE_CHECKING:
    from lab.sql.engine.group.state import Group
    from lab.world import Document, Machine, World

URL = re.compile(r"TCP://(?P<host>\[[^\]]+\]|[^:/]+):(?P<port>\d+)/?", re.IGNORECASE)
ENDPOINT_CLASS = 105
_SYSADMIN = FIXED_SERVER_ROLES["sysadmin"]
_LOCAL = ("localsystem", "nt authority\\", "nt service\\")


def endpoint_of(machine: Machine) -> Document | None:
    """The endpoint for database mirroring; an instance has one at most."""
    return next(iter(machine.collection("sql-endpoint").values()), None)


def service_account(machine: Machine) -> str:
    """The account that SQL Server runs as there, in the form ``DOMAIN\\name``."""
    installation = installed(machine)
    service = machine.collection("service").get(installation.service) if installation else None
    return str(service["account"]) if service else f"{machine.netbios}\\SVC_SQL"


def network_account(machine: Machine) -> str:
    """Who SQL Server is on the network: an account of the machine itself is the computer's there (Microsoft,
    "Configure Windows Service Accounts and Permissions")."""
    account = service_account(machine)
    return f"{machine.netbios}\\{machine.name.upper()}$" if account.lower().startswith(_LOCAL) else account


def admits(machine: Machine, endpoint: Document, account: str) -> bool:
    """May a Windows account connect to an instance's endpoint?"""
    found = find_sid(machine.world, machine, account)
    if found is None:
        return False
    sid = sid_bytes(found).hex()
    server = ServerSpace(machine)
    login = next(iter(server.having("login", "sid", sid)), None)
    if login is None or login["disabled"]:
        return False
    if endpoint["owner_id"] == login["id"]:
        return True
    if f"{_SYSADMIN}:{login['id']}" in machine.collection("sql-server-role-member"):
        return True
    states = {
        row["state"]
        for grantee in (login["id"], FIXED_SERVER_ROLES["public"])
        for row in server.having("permission", "grantee_id", grantee)
        if (row["class"], row["major"], row["permission"]) == (ENDPOINT_CLASS, endpoint["id"], "CONNECT")
    }
    return bool(states) and "D" not in states


def trouble(group: Group, name: str) -> str:
    """Why the primary and another replica do not reach each other; empty when they do, or when one of them is down."""
    primary = group.primary
    if primary is None or name.lower() == primary.lower():
        return ""
    ends = [_end(group.world, group, one) for one in (primary, name)]
    for machine, endpoint, wrong in ends:
        if endpoint is None:
            return f"{machine.name}: {wrong}"
    (one, first, _), (other, second, _) = ends
    assert first is not None
    assert second is not None
    if not _same_cipher(first, second):
        return "the endpoints have no encryption in common"
    for server, endpoint, client in ((one, first, other), (other, second, one)):
        if not routes.passes(client, server, endpoint["port"]):
            return f"{client.name} does not reach port {endpoint['port']} of {server.name}"
        account = network_account(client)
        if not admits(server, endpoint, account):
            return (
                f"{server.name}: Connection handshake failed. The login '{account}' does not have CONNECT permission "
                "on the endpoint."
            )
    return ""


def _end(world: World, group: Group, name: str) -> tuple[Machine, Document | None, str]:
    """The machine of a replica with the started endpoint that its URL leads to, or the reason why there is none."""
    machine = group.machine(name)
    url = URL.fullmatch(group.of("replica")[name]["endpoint_url"])
    endpoint = endpoint_of(machine)
    if url is None or url["host"].lower() not in (machine.name.lower(), machine.fqdn.lower(), machine.address):
        return machine, None, "the replica's URL leads elsewhere"
    if endpoint is None or endpoint["state"] != "STARTED" or endpoint["port"] != int(url["port"]):
        return machine, None, f"nothing listens on port {url['port']}"
    return machine, endpoint, ""


def _same_cipher(first: Document, second: Document) -> bool:
    encryptions = {first.get("encryption", "REQUIRED"), second.get("encryption", "REQUIRED")}
    if encryptions == {"DISABLED", "REQUIRED"}:
        return False
    if "DISABLED" in encryptions:
        return True
    return bool({*first.get("algorithm", "AES").split()} & {*second.get("algorithm", "AES").split()})
