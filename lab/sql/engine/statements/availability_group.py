"""ALTER AVAILABILITY GROUP, and what all statements about groups ask first.

Which statement runs where, and what keeps a failover from happening: SQL Server documentation, "ALTER AVAILABILITY
GROUP". Options that came after 2012 (SEEDING_MODE, CLUSTER_TYPE, BASIC, DB_FAILOVER) are syntax errors here.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.engine import engine_of
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.progress import advance, become_primary, unready
from lab.sql.engine.group.quorum import has_quorum
from lab.sql.engine.group.state import Group, find_group
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.database import outside_transaction
from lab.world import Document, Machine, World

GROUP_OPTIONS = {"AUTOMATED_BACKUP_PREFERENCE": ("PRIMARY", "SECONDARY_ONLY", "SECONDARY", "NONE"),
                 "FAILURE_CONDITION_LEVEL": None, "HEALTH_CHECK_TIMEOUT": None}  # fmt: skip
ROLE_ACCESS = ("READ_WRITE", "ALL", "NO", "READ_ONLY")
FAILOVER_SECONDS = 2.0
MOST_SYNCHRONOUS, MOST_AUTOMATIC = 3, 2


def new_replica(name: str, url: str, **values: Any) -> Document:
    return {
        "id": str(uuid.uuid4()), "name": name, "endpoint_url": url, "availability_mode": "ASYNCHRONOUS_COMMIT",
        "failover_mode": "MANUAL", "session_timeout": 10, "primary_allow": "ALL", "secondary_allow": "NO",
        "backup_priority": 50, "joined": False, **values,
    }  # fmt: skip


def require_group(frame: Frame, name: str, permission: str = "ALTER ANY AVAILABILITY GROUP") -> Group:
    """Raises 15151 when there is none, the instance is no replica of it, or the permission is missing."""
    session = frame.session
    group = find_group(session.instance.world, name)
    replicas = [one.lower() for one in group.replica_names()] if group else []
    known = session.instance.server_name.lower() in replicas
    if group is None or not known or not session.principal.may(session.server, permission):
        raise error(15151, "alter", "availability group", name)
    return group


def require_alwayson(frame: Frame) -> None:
    """Raises 35221 where AlwaysOn is not enabled, and 35220 where the machine's cluster does not run."""
    instance = frame.session.instance
    if not instance.hadr:
        raise error(35221)
    if not on_cluster(instance.world, instance.machine):
        raise error(35220)


def on_cluster(world: World, machine: Machine) -> bool:
    """Is the machine a node of the failover cluster, with the cluster's service running? Without quorum none does."""
    cluster = world.collection("lab", "sql-cluster").get("cluster") or {"members": []}
    service = machine.collection("service").get("ClusSvc")
    member = machine.name.lower() in [name.lower() for name in cluster["members"]]
    return member and (service is None or service["status"] == "Running") and has_quorum(world)


def on_primary(frame: Frame, group: Group, command: str = "") -> None:
    """Raises 41190 (for a command about databases) or 41140 anywhere else."""
    if group.role(frame.session.instance.machine) != "PRIMARY":
        raise error(41190, group.name, command) if command else error(41140, group.name)


def in_master(frame: Frame) -> None:
    """Statements about groups run in master only: 35208."""
    if frame.session.database.lower() != "master":
        raise error(35208)


def check_replicas(command: str, group: str, replicas: dict[str, Document]) -> None:
    """SQL Server 2012: three synchronous replicas at most, two of them with automatic failover."""
    for name, one in replicas.items():
        if one["failover_mode"] == "AUTOMATIC" and one["availability_mode"] != "SYNCHRONOUS_COMMIT":
            raise error(35211, command, name)
    synchronous = [one for one in replicas.values() if one["availability_mode"] == "SYNCHRONOUS_COMMIT"]
    if len(synchronous) > MOST_SYNCHRONOUS:
        raise error(35212, command, MOST_SYNCHRONOUS, group)
    if len([one for one in synchronous if one["failover_mode"] == "AUTOMATIC"]) > MOST_AUTOMATIC:
        raise error(35213, command, MOST_AUTOMATIC, group)


@dataclass
class AlterGroup(Statement):
    name: str
    action: str
    values: dict[str, Any] = field(default_factory=dict)

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "ALTER AVAILABILITY GROUP")
        in_master(frame)
        require_alwayson(frame)
        world = frame.session.instance.world
        advance(world)
        if self.action == "JOIN" and find_group(world, self.name) is None:
            raise SeveralErrors(error(41044, self.name), error(41158, self.name, 41044))
        group = require_group(frame, self.name)
        getattr(self, f"_{self.action.lower()}")(frame, group)
        advance(world)
        return iter(())

    def _failover(self, frame: Frame, group: Group) -> None:
        session = frame.session
        world, machine, own = session.instance.world, session.instance.machine, session.instance.server_name
        if (group.primary or "").lower() == own.lower():
            raise error(41122, group.name)
        if group.role(machine) != "SECONDARY" or unready(group, own):
            raise error(41142, group.name, state=34)
        replicas = group.of("replica")
        for name in (own, str(group.primary)):
            if replicas[name]["availability_mode"] != "SYNCHRONOUS_COMMIT":
                raise error(41142, group.name, state=34)
        session.sleep(FAILOVER_SECONDS)
        with engine_of(world).lock:
            if group.role(machine) != "SECONDARY" or unready(group, own):
                raise error(41142, group.name, state=34)
            become_primary(world, group, own)

    def _force(self, frame: Frame, group: Group) -> None:
        """On a synchronised secondary it is a planned failover ("Perform a Forced Manual Failover", tip)."""
        session = frame.session
        world, machine, own = session.instance.world, session.instance.machine, session.instance.server_name
        if group.role(machine) == "PRIMARY":
            raise error(41122, group.name)
        session.sleep(FAILOVER_SECONDS)
        itself = own.lower() == (group.primary or "").lower()
        become_primary(world, group, own, forced=itself or bool(unready(group, own)))

    def _add_database(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group, "add-database")
        session = frame.session
        for name in self.values["databases"]:
            document = session.server.get("database", name)
            if document is None:
                raise error(35238, name, group.name)
            database = session.find_database(name)
            assert database is not None
            if document["group"]:
                same = document["group"].lower() == group.name.lower()
                raise error(35280 if same else 35244, name, group.name)
            options = database.options()
            if document["id"] <= 4:
                raise error(35249, name)
            if document["state"] != "ONLINE":
                database.check_state()
            if options["read_only"]:
                raise error(1466, name)
            if options["user_access"] != "MULTI_USER":
                raise error(1488, name)
            if options["auto_close"]:
                raise error(1469, name)
            if options["recovery"] != "FULL":
                raise error(1465, name)
            if database.chain().get("last_log_backup_lsn") is None:
                raise error(1475, name)
            number = str(uuid.uuid4())
            group.of("database")[document["name"]] = {
                "id": number,
                "name": document["name"],
                "family": session.instance.file(document).family,
            }
            session.server.change("database", name, group=group.name, group_database=number)

    def _remove_database(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group, "remove-database")
        session = frame.session
        for name in self.values["databases"]:
            if name.lower() not in [one.lower() for one in group.of("database")]:
                raise error(35281, name, group.name)
            del group.of("database")[name]
            session.server.change("database", name, group=None, group_database=None)
            for replica in group.replica_names():
                group.drop_link(replica, name)
                databases = group.machine(replica).collection("sql-database")
                if replica.lower() != (group.primary or "").lower() and name.lower() in databases:
                    found = databases[name.lower()]
                    if (found.get("group") or "").lower() == group.name.lower():
                        databases.change(name.lower(), group=None, group_database=None, state="RESTORING")

    def _modify_replica(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        name, options = self.values["replica"], self.values["options"]
        replicas = group.of("replica")
        if name not in replicas:
            raise error(35210, name, group.name)
        changed = {**replicas[name], **options}
        check_replicas("ALTER AVAILABILITY GROUP", group.name, {**dict(replicas.items()), name: changed})
        replicas[name] = changed

    def _add_replica(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        for replica in self.values["replicas"]:
            if replica["name"] in group.of("replica"):
                raise error(35282, replica["name"], group.name)
            if len(group.of("replica")) >= 5:
                raise error(35223, 1, group.name, len(group.of("replica")), 5)
            known = {**dict(group.of("replica").items()), replica["name"]: replica}
            check_replicas("ALTER AVAILABILITY GROUP", group.name, known)
            group.of("replica")[replica["name"]] = {**replica, "created": group.world.clock.now().isoformat()}

    def _remove_replica(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        name = self.values["replica"]
        if name not in group.of("replica"):
            raise error(35283, name, group.name)
        if name.lower() == frame.session.instance.server_name.lower():
            raise error(35284, name, group.name)
        for database in group.of("database"):
            group.drop_link(name, database)
            databases = group.machine(name).collection("sql-database")
            if database.lower() in databases:
                databases.change(database.lower(), group=None, group_database=None, state="RESTORING")
        del group.of("replica")[name]

    def _join(self, frame: Frame, group: Group) -> None:
        name = frame.session.instance.server_name
        replica = group.of("replica")[name]
        if replica["joined"]:
            raise error(41106, group.name)
        if not group.online:
            raise error(41136, group.name)
        group.of("replica").change(name, joined=True)

    def _set(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        group.change(**self.values["options"])

    def _add_listener(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        for name in group.of("listener"):
            raise error(19477, group.name, name)
        add_listener(group, self.values["listener"])

    def _modify_listener(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        name, values = self.values["name"], self.values["changes"]
        listeners = group.of("listener")
        if name not in listeners:
            raise error(15151, "alter", "availability group listener", name)
        listener = listeners[name]
        if "port" in values:
            listener["port"] = values["port"]
        if "address" in values:
            _one_a_subnet([*listener["addresses"], values["address"]])
            listener["addresses"] = [*listener["addresses"], values["address"]]
        listeners[name] = listener

    def _remove_listener(self, frame: Frame, group: Group) -> None:
        on_primary(frame, group)
        if self.values["name"] not in group.of("listener"):
            raise error(15151, "drop", "availability group listener", self.values["name"])
        del group.of("listener")[self.values["name"]]


def add_listener(group: Group, listener: Document) -> None:
    """Raises 19451 for two addresses in one subnet, and 19471 with 19476 where the cluster's computer object may not
    make the listener's (Microsoft: troubleshooting of listeners, KB 2829783)."""
    _one_a_subnet(listener["addresses"])
    cluster = group.world.collection("lab", "sql-cluster").get("cluster") or {}
    if not cluster.get("makes_computers", True):
        raise SeveralErrors(error(19471, listener["name"]), error(19476))
    group.of("listener")[listener["name"]] = listener


def _one_a_subnet(addresses: list[Document]) -> None:
    seen: dict[str, str] = {}
    for one in addresses:
        network = str(ipaddress.ip_network(f"{one['address']}/{one['mask']}", strict=False))
        if network in seen:
            raise error(19451, seen[network], one["address"])
        seen[network] = one["address"]


def parse_text_list(p: Parser) -> list[str]:
    names = [p.name()]
    while p.accept(","):
        names.append(p.name())
    return names


def _replica_options(p: Parser) -> Document:
    found: Document = {}
    p.expect("WITH", "(")
    while True:
        word = p.one_of("ENDPOINT_URL", "AVAILABILITY_MODE", "FAILOVER_MODE", "SESSION_TIMEOUT", "BACKUP_PRIORITY",
                        "PRIMARY_ROLE", "SECONDARY_ROLE")  # fmt: skip
        if word in ("PRIMARY_ROLE", "SECONDARY_ROLE"):
            p.expect("(")
            what = p.one_of("ALLOW_CONNECTIONS", "READ_ONLY_ROUTING_LIST", "READ_ONLY_ROUTING_URL")
            p.expect("=")
            if what != "ALLOW_CONNECTIONS":
                raise not_modelled("read-only routing")
            found["primary_allow" if word == "PRIMARY_ROLE" else "secondary_allow"] = p.one_of(*ROLE_ACCESS)
            p.expect(")")
        else:
            p.expect("=")
            if word == "ENDPOINT_URL":
                found["endpoint_url"] = p.string()
            elif word == "AVAILABILITY_MODE":
                found["availability_mode"] = p.one_of("SYNCHRONOUS_COMMIT", "ASYNCHRONOUS_COMMIT")
            elif word == "FAILOVER_MODE":
                found["failover_mode"] = p.one_of("AUTOMATIC", "MANUAL")
            else:
                found["session_timeout" if word == "SESSION_TIMEOUT" else "backup_priority"] = p.integer()
        if not p.accept(","):
            break
    p.expect(")")
    return found


def parse_replicas(p: Parser) -> list[Document]:
    found = []
    while True:
        name = p.string()
        options = _replica_options(p)
        if not {"endpoint_url", "availability_mode", "failover_mode"} <= set(options):
            raise error(102, name)
        found.append(new_replica(name, options.pop("endpoint_url"), **options))
        if not p.accept(","):
            return found


def parse_listener(p: Parser) -> Document:
    name = p.string()
    p.expect("(", "WITH")
    if p.at("DHCP"):
        raise not_modelled("a listener with DHCP")
    p.expect("IP", "(")
    addresses = []
    while True:
        addresses.append(_address(p))
        if not p.accept(","):
            break
    p.expect(")")
    port = 1433
    if p.accept(","):
        p.expect("PORT", "=")
        port = p.integer()
    p.expect(")")
    return {"id": str(uuid.uuid4()), "name": name, "port": port, "addresses": addresses}


def _address(p: Parser) -> Document:
    p.expect("(")
    address = p.string()
    p.expect(",")
    mask = p.string()
    p.expect(")")
    return {"address": address, "mask": mask}


def parse_group_options(p: Parser) -> Document:
    p.expect("(")
    found: Document = {}
    while True:
        word = p.one_of(*GROUP_OPTIONS)
        p.expect("=")
        if word == "AUTOMATED_BACKUP_PREFERENCE":
            found["backup_preference"] = p.one_of("PRIMARY", "SECONDARY_ONLY", "SECONDARY", "NONE")
        else:
            found["failure_condition" if word.startswith("FAILURE") else "health_timeout"] = p.integer()
        if not p.accept(","):
            break
    p.expect(")")
    return found


@statement("ALTER", "AVAILABILITY", "GROUP")
def _alter(p: Parser) -> Statement:
    name = p.name()
    if p.accept("FAILOVER"):
        return AlterGroup(name, "FAILOVER")
    if p.accept("FORCE_FAILOVER_ALLOW_DATA_LOSS"):
        return AlterGroup(name, "FORCE")
    if p.accept("JOIN"):
        return AlterGroup(name, "JOIN")
    if p.accept("SET"):
        return AlterGroup(name, "SET", {"options": parse_group_options(p)})
    verb = p.one_of("ADD", "REMOVE", "MODIFY", "RESTART", "GRANT", "DENY", "OFFLINE")
    if verb in ("RESTART", "OFFLINE"):
        raise not_modelled(f"ALTER AVAILABILITY GROUP … {verb}")
    if verb in ("GRANT", "DENY"):
        p.fail(p.tokens[p.position - 1])
    what = p.one_of("DATABASE", "REPLICA", "LISTENER") if verb != "MODIFY" else p.one_of("REPLICA", "LISTENER")
    if what == "DATABASE":
        return AlterGroup(name, f"{verb}_DATABASE", {"databases": parse_text_list(p)})
    if what == "REPLICA":
        p.expect("ON")
        if verb == "ADD":
            return AlterGroup(name, "ADD_REPLICA", {"replicas": parse_replicas(p)})
        replica = p.string()
        return AlterGroup(
            name, f"{verb}_REPLICA", {"replica": replica, "options": _replica_options(p) if verb == "MODIFY" else {}}
        )
    return _alter_listener(p, name, verb)


def _alter_listener(p: Parser, name: str, verb: str) -> Statement:
    if verb == "ADD":
        return AlterGroup(name, "ADD_LISTENER", {"listener": parse_listener(p)})
    listener = p.string()
    changes: dict[str, Any] = {}
    if verb == "MODIFY":
        p.expect("(")
        if p.accept("ADD"):
            p.expect("IP")
            changes["address"] = _address(p)
        else:
            p.expect("PORT", "=")
            changes["port"] = p.integer()
        p.expect(")")
    return AlterGroup(name, f"{verb}_LISTENER", {"name": listener, "changes": changes})
