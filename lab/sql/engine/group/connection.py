"""Whether two replicas reach each other: through the endpoints for database mirroring, as service accounts.

A replica's URL has to lead to a started endpoint of its own instance, and the service account of each side has to be
admitted by the other's endpoint: as a login that owns it, is in sysadmin or has CONNECT on it, and is not kept out by a
DENY of its own, of a group or of public (SQL Server documentation, "Set Up Login Accounts for Database Mirroring or
AlwaysOn", "GRANT Endpoint Permissions"). Both need a way to authenticate in common, and where that is a certificate,
each has the other's ("Transport Security", "Use Certificates for a Database Mirroring Endpoint"). Encryption has to fit
on both sides ("CREATE ENDPOINT"), and either side's firewall has to let the other in ("Troubleshoot AlwaysOn
Availability Groups Configuration": inbound access to the endpoint's port on every server). Unproven: that one account
for all servers needs a login, too; that an endpoint whose port another program has is created and STARTED all the same;
that a connection ends when its firewall rule goes; that sys.dm_hadr_availability_replica_states shows 35201 for every
one of these reasons.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from lab import routes
from lab.identity import UnknownAccountError, identity
from lab.sql.engine.accounts import look_up, sid_bytes, tokens
from lab.sql.engine.group.state import Group, available
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.storage.space import ServerSpace
from lab.sql.installation import installed
from lab.world import Document, Machine, World

URL = re.compile(r"TCP://(?P<host>\[[^\]]+\]|[^:/]+):(?P<port>\d+)/?", re.IGNORECASE)
ENDPOINT_CLASS = 105
BY_CERTIFICATE = "CERTIFICATE"
_SYSADMIN = FIXED_SERVER_ROLES["sysadmin"]
_LOCAL = ("localsystem", "nt authority\\", "nt service\\")
_WITHOUT_IDENTITY = ("nt authority\\localservice", "nt authority\\local service")


def endpoint_of(machine: Machine) -> Document | None:
    """The endpoint for database mirroring; an instance has one at most."""
    return next(iter(machine.collection("sql-endpoint").values()), None)


def service_account(machine: Machine) -> str:
    """The account that SQL Server runs as there, in the form in which the service has it."""
    installation = installed(machine)
    service = machine.collection("service").get(installation.service) if installation else None
    return str(service["account"]) if service else f"{machine.netbios}\\SVC_SQL"


def network_account(machine: Machine) -> str:
    """Who SQL Server is on the network: an account of the machine itself is the computer's there. Empty for Local
    Service and local accounts, which have no identity there (Microsoft, "Configure Windows Service Accounts and
    Permissions"); that two machines may have local accounts with one password is not modelled."""
    account = service_account(machine)
    lowered = account.lower()
    if lowered.startswith((".\\", f"{machine.name.lower()}\\")) or lowered in _WITHOUT_IDENTITY:
        return ""
    return f"{machine.netbios}\\{machine.name.upper()}$" if lowered.startswith(_LOCAL) else account


def may_connect(
    endpoint: Document, ids: Collection[int], members: Iterable[Document], permissions: Iterable[Document]
) -> bool:
    """May a caller with these logins (its own and its groups') connect to an endpoint? As its owner, in sysadmin, or
    with CONNECT and without a DENY, of a login, a server role or public (documentation: GRANT Endpoint Permissions)."""
    held = {*ids}
    pairs = [(member["member_id"], member["role_id"]) for member in members]
    while more := {role for member, role in pairs if member in held} - held:
        held |= more
    if _SYSADMIN in held or endpoint["owner_id"] in held:
        return True
    grantees = held | {FIXED_SERVER_ROLES["public"]}
    states = {
        row["state"]
        for row in permissions
        if row["grantee_id"] in grantees
        and (row["class"], row["major"], row["permission"]) == (ENDPOINT_CLASS, endpoint["id"], "CONNECT")
    }
    return bool(states) and "D" not in states


def admits(machine: Machine, endpoint: Document, account: str) -> bool:
    """May a Windows account connect to an instance's endpoint?"""
    try:
        who = identity(machine.world, machine, account)
    except UnknownAccountError:
        return False
    server = ServerSpace(machine)
    held = [sid.hex() for sid in tokens(machine.world, machine, who)]
    logins = [login for sid in held for login in server.having("login", "sid", sid)]
    found = look_up(machine.world, machine, who.user)
    own = sid_bytes(found).hex() if found else ""
    if not logins or any(login["disabled"] and login["sid"] == own for login in logins):
        return False
    ids = {login["id"] for login in logins}
    members = machine.collection("sql-server-role-member").values()
    return may_connect(endpoint, ids, members, server.having("permission", "class", ENDPOINT_CLASS))


def talks_to_primary(group: Group, replica: str) -> bool:
    """Do the primary and another replica talk to each other?"""
    return group.online and available(group.world, group.machine(replica)) and not trouble(group, replica)


def trouble(group: Group, name: str) -> str:
    """Why the primary and another replica do not reach each other; empty when they do, or when one of them is down."""
    world = group.world
    key = ("trouble", group.name.lower(), name.lower())
    return world.memo.get(key, lambda: _trouble(group, name), world.network.version, len(world.machines))


def _trouble(group: Group, name: str) -> str:
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
    ways = _ways(first) & _ways(second)
    if not ways:
        return f"{one.name}: Connection handshake failed. There is no compatible authentication protocol. State 21."
    for server, endpoint, client in ((one, first, other), (other, second, one)):
        if not routes.passes(client, server, endpoint["port"]):
            return f"{client.name} does not reach port {endpoint['port']} of {server.name}"
        if ways == {BY_CERTIFICATE}:
            if not _knows(server, client):
                return f"{server.name} has not the certificate of {client.name}'s endpoint"
            continue
        account = network_account(client)
        if not account or not admits(server, endpoint, account):
            shown = account or service_account(client)
            return (
                f"{server.name}: Connection handshake failed. The login '{shown}' does not have CONNECT permission "
                "on the endpoint."
            )
    return ""


def _ways(endpoint: Document) -> set[str]:
    """How an endpoint authenticates: by NTLM, by Kerberos (NEGOTIATE is both), by certificate."""
    named = str(endpoint.get("authentication", "NEGOTIATE")).split(", ")
    return {way for one in named for way in (("NTLM", "KERBEROS") if one == "NEGOTIATE" else (one,))}


def _knows(server: Machine, client: Machine) -> bool:
    """Whether a server has the certificate of another one's endpoint. It is owned by dbo here, who may connect."""
    endpoint, certificates = endpoint_of(client), client.collection("sql-certificate")
    shown = next((one for one in certificates.values() if endpoint and one["name"] == endpoint["certificate"]), None)
    known = {one["thumbprint"] for one in server.collection("sql-certificate").values()}
    return shown is not None and shown["thumbprint"] in known


def _end(world: World, group: Group, name: str) -> tuple[Machine, Document | None, str]:
    """The machine of a replica with the started endpoint that its URL leads to, or the reason why there is none."""
    machine = group.machine(name)
    url = URL.fullmatch(group.of("replica")[name]["endpoint_url"])
    endpoint = endpoint_of(machine)
    if url is None or url["host"].lower() not in (machine.name.lower(), machine.fqdn.lower(), machine.address):
        return machine, None, "the replica's URL leads elsewhere"
    if endpoint is None or endpoint["state"] != "STARTED" or endpoint["port"] != int(url["port"]):
        return machine, None, f"nothing listens on port {url['port']}"
    if is_taken(machine, endpoint["port"]):
        taken = f"because it is in use by another process (9692 in the error log of {machine.name})"
        return machine, None, f"The Database Mirroring endpoint cannot listen on port {endpoint['port']} {taken}"
    return machine, endpoint, ""


def is_taken(machine: Machine, port: int) -> bool:
    """Whether another program listens on a port of an endpoint; the endpoint itself has no socket in the lab."""
    owner = machine.name.lower()
    return any(one.owner == owner and one.port == port for one in machine.world.network.endpoints())


def _same_cipher(first: Document, second: Document) -> bool:
    encryptions = {first.get("encryption", "REQUIRED"), second.get("encryption", "REQUIRED")}
    if encryptions == {"DISABLED", "REQUIRED"}:
        return False
    if "DISABLED" in encryptions:
        return True
    return bool({*first.get("algorithm", "AES").split()} & {*second.get("algorithm", "AES").split()})
