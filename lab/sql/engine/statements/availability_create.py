"""CREATE and DROP AVAILABILITY GROUP."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.accounts import WELL_KNOWN, sid_bytes
from lab.sql.engine.catalog.availability import GROUP_CLASS, first_number
from lab.sql.engine.errors import SeveralErrors, error
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.state import Group, available, groups
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.principal import Principal
from lab.sql.engine.statements.availability_group import (
    AlterGroup,
    add_listener,
    check_replicas,
    in_master,
    parse_group_options,
    parse_listener,
    parse_replicas,
    parse_text_list,
    require_alwayson,
    require_group,
)
from lab.sql.engine.statements.database import outside_transaction
from lab.sql.engine.storage.space import View
from lab.world import Document

SYSTEM = WELL_KNOWN["nt authority\\system"]
WATCHING = ("ALTER ANY AVAILABILITY GROUP", "CONNECT SQL", "VIEW SERVER STATE")
"""What the cluster's resource needs on every replica."""


@dataclass
class CreateGroup(Statement):
    name: str
    options: Document
    databases: list[str]
    replicas: list[Document]
    listener: Document | None

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "CREATE AVAILABILITY GROUP")
        in_master(frame)
        session = frame.session
        session.require("CREATE AVAILABILITY GROUP", 15247)
        require_alwayson(frame)
        world = session.instance.world
        known = world.collection("lab", "availability-group")
        if self.name in known:
            raise error(41114, self.name)
        if session.instance.server_name.lower() not in [replica["name"].lower() for replica in self.replicas]:
            raise error(35237, self.name)
        check_replicas("CREATE AVAILABILITY GROUP", self.name, {one["name"]: one for one in self.replicas})
        if not _watched(session.server):
            raise SeveralErrors(error(41131, self.name), error(41152, self.name, 41131))
        name = session.instance.server_name
        group = create_group(world, self.name, self.options, self.replicas, None, name)
        if self.listener:
            add_listener(group, self.listener)
        if self.databases:
            AlterGroup(self.name, "ADD_DATABASE", {"databases": self.databases})._add_database(
                frame, Group(world, self.name)
            )
        return iter(())


def _watched(server: View) -> bool:
    """May the cluster's service, which is LocalSystem, watch the instance? (Microsoft, KB 2847723)"""
    system = Principal("NT AUTHORITY\\SYSTEM", sid_bytes(SYSTEM), True, frozenset({sid_bytes(SYSTEM)}))
    return all(system.may(server, permission) for permission in WATCHING)


def create_group(
    world: Any, name: str, options: Document, replicas: list[Document], listener: Document | None, primary: str
) -> Group:
    """Write the documents of a new group whose primary has joined."""
    number = 1 + max((int(one.document.get("number", 0)) for one in groups(world)), default=-1)
    world.collection("lab", "availability-group")[name] = {"name": name}
    group = Group(world, name)
    group.of("group")["group"] = {
        "id": str(uuid.uuid4()), "name": name, "primary": primary, "resource_id": str(uuid.uuid4()), "number": number,
        "resource_group_id": str(uuid.uuid4()), "failure_condition": 3, "health_timeout": 30000,
        "backup_preference": "SECONDARY", "created": world.clock.now().isoformat(), **options,
    }  # fmt: skip
    for replica in replicas:
        joined = replica["name"].lower() == primary.lower() or replica["joined"]
        group.of("replica")[replica["name"]] = {**replica, "joined": joined, "created": world.clock.now().isoformat()}
    if listener:
        group.of("listener")[listener["name"]] = listener
    return group


@statement("CREATE", "AVAILABILITY", "GROUP")
def _create(p: Parser) -> Statement:
    name = p.name()
    options = parse_group_options(p) if p.accept("WITH") else {}
    p.expect("FOR")
    databases: list[str] = []
    if p.accept("DATABASE"):
        databases = parse_text_list(p)
    p.expect("REPLICA", "ON")
    replicas = parse_replicas(p)
    listener = parse_listener(p) if p.accept("LISTENER") else None
    return CreateGroup(name, options, databases, replicas, listener)


@dataclass
class DropGroup(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "DROP AVAILABILITY GROUP")
        in_master(frame)
        require_alwayson(frame)
        group = require_group(frame, self.name)
        world = frame.session.instance.world
        for number, replica in enumerate(group.replica_names(), first_number(group)):
            machine = group.machine(replica)
            primary = replica.lower() == (group.primary or "").lower()
            for name, document in machine.collection("sql-database").items():
                if (document.get("group") or "").lower() == group.name.lower():
                    state = "ONLINE" if primary and available(world, machine) else "RESTORING"
                    machine.collection("sql-database").change(name, group=None, group_database=None, state=state)
            owners = machine.collection("sql-group-owner")
            for name in [one for one in owners if one.lower() == group.name.lower()]:
                del owners[name]
            permissions = machine.collection("sql-permission")
            for name, document in permissions.items():
                if (document["class"], document["major"]) == (GROUP_CLASS, number):
                    del permissions[name]
        for kind in ("group", "replica", "database", "listener", "link"):
            for name in list(group.of(kind)):
                del group.of(kind)[name]
        del world.collection("lab", "availability-group")[group.name]
        return iter(())


@statement("DROP", "AVAILABILITY", "GROUP")
def _drop(p: Parser) -> Statement:
    return DropGroup(p.name())
