"""Is SQL Server ready, and is it the same on every replica?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from components.portal.databases import DATABASES
from components.sql import quorum
from components.sql.fitness import volumes
from components.sql.quorum import Quorum
from components.topology.parts import Replica
from operations.audits.sql import quorum_answer
from operations.doctor.check import Check, Judged, ok, unknown, warning, wrong
from operations.doctor.farm import Farm
from operations.doctor.reach import TRY_MILLISECONDS
from remote.errors import MachineError
from remote.names import folded, same
from remote.sql import Row

PART = "SQL Server"
ENTERPRISE = 3
"""EngineEdition of Enterprise, Developer and Evaluation: what availability groups need in 2012."""
MAJOR = 11
NEW_DATABASE_KILOBYTES = 64 << 10
"""What a new database of the portal takes at most (this program's estimate)."""
_EVERYBODY = (r"NT AUTHORITY\Authenticated Users", r"BUILTIN\Users")
_OWN = ("nt service\\", "nt authority\\", "localsystem")
"""How the names of accounts begin that are the computer's account on the network."""


def checks(farm: Farm) -> Iterator[Check]:
    replicas = farm.topology.replicas
    first = replicas[0]
    for replica in replicas:
        yield _check(replica, "administrator", "sysadmin", partial(_instance, farm, replica), _administrator)
        yield _check(replica, "version and edition", "2012, Enterprise", partial(_instance, farm, replica), _edition)
        yield _check(replica, "service account", "an account of the domain", partial(_account, farm, replica), _who)
        if replica is not first:
            look = partial(_same, farm, first, replica)
            yield _check(replica, f"the same as on {first.machine}", "collation, folders, account", look, _alike)
        yield _check(replica, "AlwaysOn", "enabled, or enabled by `up`", partial(_instance, farm, replica), _alwayson)
        share = farm.topology.sql.backup_share
        yield _check(replica, f"{share}, as the service account", "read", partial(_share, farm, replica), _reads)
        asked = partial(_share_access, farm, replica)
        yield _check(replica, f"{share}, rights of the service account", "change", asked, _changes)
        yield _check(replica, "room for the databases", "what their files take", partial(_room, farm, replica), _fits)
        for other in replicas:
            if other is not replica:
                yield _endpoint(farm, replica, other)
    needed = f"the computer object {farm.topology.sql.cluster.name}$ may create it, or it is there"
    there = partial(_listeners, farm, first)
    yield _check(first, "computer object of the listener", needed, there, partial(_listener, farm))
    look = partial(farm.run, first.machine, "sql/read_cluster_nodes.ps1")
    yield _check(first, "failover cluster", "every replica a node of it, up", look, partial(_nodes, farm))
    yield _check(first, "quorum", "the loss of any one server is survived", partial(_votes, farm, first), _survived)


def _check(replica: Replica, what: str, needed: str, look: Any, judge: Any) -> Check:
    return Check(PART, replica.machine, what, needed, look, judge, through=replica.machine)


def _instance(farm: Farm, replica: Replica) -> Row:
    return farm.query(replica.machine, "sql/read_instance.sql")[0]


def _account(farm: Farm, replica: Replica) -> str:
    computer = farm.topology.computer_account(replica.machine)
    return str(farm.query(replica.machine, "sql/read_service_account.sql", computer)[0]["account"])


def _administrator(row: Row) -> Judged:
    if row["administrator"] == 1:
        return ok(f"{row['who']}, sysadmin")
    return wrong(f"{row['who']}, not sysadmin", f"Add {row['who']} to the server role sysadmin.")


def _edition(row: Row) -> Judged:
    found = f"{row['version']}, {row['edition']}"
    major = int(str(row["version"]).partition(".")[0])
    if major != MAJOR:
        return warning(found, "Windows Azure Pack and this program are made for SQL Server 2012.")
    if row["engine_edition"] != ENTERPRISE:
        return wrong(found, "Availability groups need the Enterprise edition in SQL Server 2012.")
    return ok(found)


def _who(account: str) -> Judged:
    if account.lower().startswith(_OWN):
        to_do = (
            "It is the computer's account on the network: give that one rights on the share, or use one of the domain."
        )
        return warning(account, to_do)
    if account.startswith(".\\"):
        return wrong(
            account, "Use an account of the domain: a local one does not exist on the other replicas and on the share."
        )
    return ok(account)


def _same(farm: Farm, first: Replica, replica: Replica) -> list[str]:
    """What differs between two replicas."""
    rows = [_instance(farm, one) for one in (first, replica)]
    folders = [farm.query(one.machine, "sql/read_folders.sql")[0] for one in (first, replica)]
    accounts = [_account(farm, one).lower() for one in (first, replica)]
    pairs = {
        "collation": [row["collation"] for row in rows],
        "version": [row["version"] for row in rows],
        "folder of data": [_folder(row["data"], row) for row in folders],
        "folder of logs": [_folder(row["log"], row) for row in folders],
        "service account": accounts,
    }
    return [f"{name} {here}, there {there}" for name, (there, here) in pairs.items() if here != there]


def _folder(chosen: str | None, row: Row) -> str:
    return str(chosen or str(row["master_file"]).rpartition("\\")[0]).rstrip("\\").lower()


def _alike(differences: list[str]) -> Judged:
    if any(one.startswith("collation ") for one in differences):
        return wrong("; ".join(differences), "Install the instance with the same collation.")
    if differences:
        return warning(
            "; ".join(differences), "Copies find their folders by MOVE; keep versions and accounts the same."
        )
    return ok("the same")


def _alwayson(row: Row) -> Judged:
    return ok("enabled" if row["hadr_enabled"] else "not enabled: `up` enables it and restarts SQL Server once")


def _share(farm: Farm, replica: Replica) -> Row:
    return farm.query(replica.machine, "sql/read_share.sql", farm.topology.sql.backup_share)[0]


def _reads(row: Row) -> Judged:
    if row["File is a Directory"] == 1:
        return ok("readable")
    return wrong("not readable", "Give SQL Server's service account the right to change files on the share.")


@dataclass(frozen=True)
class ShareAccess:
    """Who may do what on the share, as its own server says; ``names`` are those under which it may mean the account."""

    account: str
    """Who SQL Server's service is on the share: a domain account, or the computer's."""
    names: frozenset[str]
    """In lower case: the account itself, and groups to which every account belongs."""
    rights: tuple[tuple[str, str, str], ...]
    """(account or group, Allow or Deny, right)."""
    free_kilobytes: int | None
    """On the volume of the share's folder (Win32_Volume); None where it is on no local one."""


def _share_access(farm: Farm, replica: Replica) -> ShareAccess:
    """Asked of the share's server, since rights on a share are known nowhere else. Raises ``MachineError`` where that
    server cannot be asked."""
    server, share = farm.topology.sql.backup_share.strip("\\").split("\\")[:2]
    machine = next((one for one in farm.topology.machines if same(one.name, server.split(".")[0])), None)
    attempted = "read the rights on the share"
    if machine is None:
        remedy = "Give the service account the right Change on the share, and Modify in NTFS."
        raise MachineError(server, attempted, f"{server} is no machine of the topology: it is not asked", remedy)
    computer = farm.topology.computer_account(replica.machine)
    said = farm.query(replica.machine, "sql/read_service_account.sql", computer)[0]
    account = on_the_network(str(said["account"]), str(said["name"] or ""), computer)
    answer = farm.run(machine.name, "windows/read_share_access.ps1", Share=share)
    if not answer:
        raise MachineError(machine.name, attempted, f"it has no share {share}", "Create it, or correct the topology.")
    rights = tuple((str(one["account"]), str(one["type"]), str(one["right"])) for one in answer[0]["rights"])
    free = {str(volume["folder"]): int(volume["free"]) for volume in answer[0]["volumes"]}
    over = [folder for folder in free if str(answer[0]["folder"]).lower().startswith(folder.lower())]
    domain = account.partition("\\")[0]
    names = frozenset(name.lower() for name in (account, "Everyone", *_EVERYBODY, rf"{domain}\Domain Users"))
    return ShareAccess(account, names, rights, free[max(over, key=len)] if over else None)


def on_the_network(given: str, resolved: str, computer: str) -> str:
    """Who a service is on a share. ``given``: its account as the service control manager has it, in English on every
    Windows where it is a built-in one; ``resolved``: the name in the language of Windows, where it has one."""
    return computer if given.lower().startswith(_OWN) else resolved or given


def _changes(access: ShareAccess) -> Judged:
    to_do = f"Give {access.account} the right Change on the share, and Modify in NTFS."
    room = "" if access.free_kilobytes is None else f", {access.free_kilobytes >> 20} GB free"
    mine = [(kind, right) for account, kind, right in access.rights if account.lower() in access.names]
    if any(kind == "Deny" for kind, _ in mine):
        return wrong(f"{access.account} is denied{room}", to_do)
    if any(right in ("Full", "Change") for _, right in mine):
        return ok(f"Change on the share{room}; NTFS is not looked at")
    groups = [account for account, kind, right in access.rights if kind == "Allow" and right in ("Full", "Change")]
    if groups:
        found = f"only {', '.join(groups)} may change it{room}; whether {access.account} is among them is not looked at"
        return unknown(found, to_do)
    return wrong(f"nobody may change it{room}", to_do)


def _room(farm: Farm, replica: Replica) -> tuple[int, dict[str, int]]:
    """Kilobytes that the farm's databases that are not there yet take, and what is free below the folders for them."""
    sizes: dict[str, int] = {}
    here: set[str] = set()
    for one in farm.topology.replicas:
        for row in farm.query(one.machine, "sql/read_sizes.sql"):
            name = folded(str(row["name"]))
            sizes[name] = max(sizes.get(name, 0), int(row["kilobytes"]))
            if one is replica:
                here.add(name)
    wanted = {folded(name): name for name in DATABASES}
    needed = sum(sizes.get(name, NEW_DATABASE_KILOBYTES) for name in wanted if name not in here)
    row = farm.query(replica.machine, "sql/read_folders.sql")[0]
    free = volumes(farm.remote, replica.machine, "look at it")
    found: dict[str, int] = {}
    for folder in (_folder(row["data"], row), _folder(row["log"], row)):
        over = [volume for volume in free if f"{folder}\\".startswith(volume.lower())]
        if over:
            volume = max(over, key=len)
            found[volume] = free[volume]
    return needed, found


def _fits(answer: tuple[int, dict[str, int]]) -> Judged:
    needed, free = answer
    found = ", ".join(f"{volume} {kilobytes >> 10} MB free" for volume, kilobytes in free.items())
    said = f"{found or 'no local volume'}; {needed >> 10} MB to come"
    if not free:
        return unknown(said, "The default folders are on no local volume: see that there is room.")
    if any(kilobytes < needed for kilobytes in free.values()):
        return wrong(said, "Make room on that volume, or give the instance other default folders.")
    return ok(said)


def _listeners(farm: Farm, replica: Replica) -> list[Row]:
    return farm.query(replica.machine, "sql/read_listener.sql", farm.topology.sql.group)


def _listener(farm: Farm, rows: list[Row]) -> Judged:
    if rows:
        return ok(f"the listener {rows[0]['name']} is there")
    return unknown(
        "not looked at: a remote log-on may not ask Active Directory for rights (it has no second hop)",
        f"See that {farm.topology.sql.cluster.name}$ may create computer objects in its organizational unit, or create "
        f"a disabled one named {farm.topology.sql.listener.name} there and give the cluster full control of it.",
    )


def _votes(farm: Farm, replica: Replica) -> Quorum | None:
    """None where SQL Server cannot tell: its views of the cluster are empty without AlwaysOn."""
    if not _instance(farm, replica)["hadr_enabled"]:
        return None
    return quorum.of(farm.query(replica.machine, "sql/read_cluster.sql"))


def _survived(found: Quorum | None) -> Judged:
    """By the rules of the audit. What breaks the quorum later does not keep ``up`` from working now."""
    if found is None:
        return unknown("AlwaysOn is not enabled yet, and SQL Server tells nothing of the cluster", "Look after `up`.")
    answer = quorum_answer(found)
    if not answer.risks:
        return ok(answer.found)
    said, to_do = "; ".join(one.what for one in answer.risks), answer.risks[0].remedy
    return warning(said, to_do) if found.members else wrong(said, to_do)


def _endpoint(farm: Farm, source: Replica, target: Replica) -> Check:
    """From one replica to the other's endpoint, where there is one already."""
    name = farm.topology.fqdn(target.machine)

    def look() -> dict[str, Any] | None:
        endpoints = farm.query(target.machine, "sql/read_endpoint.sql")
        if not endpoints:
            listening = farm.run(target.machine, "windows/read_listeners.ps1")
            return {"taken": target.endpoint_port} if target.endpoint_port in listening else None
        if endpoints[0]["state"] != "STARTED":
            return None
        arguments = {"Name": name, "Port": endpoints[0]["port"], "TimeoutMilliseconds": TRY_MILLISECONDS}
        (tried,) = farm.run(source.machine, "windows/try_port.ps1", **arguments)
        return {**tried, "port": endpoints[0]["port"]}

    def judge(tried: dict[str, Any] | None) -> Judged:
        if tried is None:
            return unknown(
                "there is no started endpoint yet", f"See that TCP {target.endpoint_port} is open between them."
            )
        if port := tried.get("taken"):
            return wrong(
                f"another program listens on TCP {port} of {target.machine}",
                f"End it (`netstat -aon` names it), or declare another `endpoint_port` for {target.machine}.",
            )
        if tried["answered"]:
            return ok(f"port {tried['port']} answers")
        why = tried["error"] or f"no answer in {TRY_MILLISECONDS // 1000} s"
        return wrong(f"port {tried['port']}: {why}", f"Open TCP {tried['port']} from {source.machine} to {name}.")

    return _check(source, f"endpoint of {target.machine}, from there", "a connection", look, judge)


def _nodes(farm: Farm, answer: list[dict[str, Any]]) -> Judged:
    states = {str(node["name"]).lower(): str(node["state"]) for node in answer}
    found = ", ".join(f"{node['name']} {node['state']}" for node in answer)
    machines = [replica.machine for replica in farm.topology.replicas]
    missing = [name for name in machines if name.lower() not in states]
    if missing:
        return wrong(found, f"Add {', '.join(missing)} to the cluster, without storage.")
    down = [name for name in machines if states[name.lower()] != "Up"]
    return wrong(found, f"Bring {', '.join(down)} up in the cluster.") if down else ok(found)
