"""ALTER DATABASE … SET HADR: what a replica does with its copy of a database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event, Message
from lab.sql.engine.engine import engine_of
from lab.sql.engine.errors import error
from lab.sql.engine.files import files_of
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.connection import talks_to_primary
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.state import Group, find_group
from lab.sql.engine.parse.parser import Statement
from lab.sql.engine.statements.availability_group import require_alwayson
from lab.sql.engine.statements.database import outside_transaction
from lab.world import Document


@dataclass
class DatabaseHadr(Statement):
    name: str
    action: str
    """JOIN, OFF, SUSPEND or RESUME."""
    group: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        outside_transaction(frame, "ALTER DATABASE")
        require_alwayson(frame)
        session = frame.session
        document = session.server.get("database", self.name)
        if document is None:
            raise error(5011, self.name) if self.action != "JOIN" else error(41148, self.name, self.group)
        owner = document["owner"] == session.principal.sid.hex()
        if not (owner or session.principal.may(session.server, "ALTER ANY DATABASE")):
            raise error(5011, self.name)
        world, machine = session.instance.world, session.instance.machine
        advance(world)
        with engine_of(world).lock:
            if self.action == "JOIN":
                message = self._join(frame, document)
                if message is not None:
                    yield message
                return
            group = find_group(world, document["group"]) if document["group"] else None
            if group is None:
                raise error(35242, self.name)
            if self.action == "OFF":
                if group.role(machine) == "PRIMARY":
                    raise error(35240, self.name, group.name)
                group.drop_link(session.instance.server_name, self.name)
                session.server.change("database", self.name, group=None, group_database=None, state="RESTORING")
                return
            self._move(group, session.instance.server_name, suspend=self.action == "SUSPEND")

    def _move(self, group: Group, own: str, *, suspend: bool) -> None:
        """SUSPEND and RESUME: on a secondary for its own copy; on the primary for all copies, of which RESUME lets
        those go on that it had suspended ("Suspend", "Resume an Availability Database")."""
        if (group.primary or "").lower() != own.lower():
            link = group.link(own, self.name)
            if link is not None and link["joined"] and not link.get("by_primary"):
                self._set(group, own, "SUSPEND_FROM_USER" if suspend else None)
            return
        group.set_link(own, self.name, suspended="SUSPEND_FROM_USER" if suspend else None)
        for replica in group.secondaries():
            link = group.link(replica, self.name)
            if link is None or not link["joined"]:
                continue
            if suspend and not link["suspended"]:
                self._set(group, replica, "SUSPEND_FROM_PARTNER", by_primary=True)
            elif not suspend and link.get("by_primary"):
                self._set(group, replica, None)

    def _set(self, group: Group, replica: str, reason: str | None, *, by_primary: bool = False) -> None:
        how = {"suspended": reason, "by_primary": by_primary, "pending": False}
        group.set_link(replica, self.name, phase="NOT SYNCHRONIZING", since=None, **how)

    def _join(self, frame: Frame, document: Document) -> Message | None:
        session = frame.session
        world, machine = session.instance.world, session.instance.machine
        group = find_group(world, self.group)
        if group is None or session.instance.server_name.lower() not in [name.lower() for name in group.joined_names()]:
            raise error(15151, "alter", "availability group", self.group)
        if document["group"]:
            shown = error(41145, self.name, group.name)
            return Message(41145, shown.message, 10, 1)
        if self.name.lower() not in [name.lower() for name in group.of("database")]:
            raise error(41132, self.name, group.name)
        if not talks_to_primary(group, session.instance.server_name) or group.role(machine) != "SECONDARY":
            raise error(35250)
        if document["state"] != "RESTORING" or document.get("interrupted"):
            raise error(1464, self.name)
        source = files_of(world, group.machine(str(group.primary))).by_name(self.name)
        target = session.instance.file(document)
        assert source is not None
        if source.family != target.family or source.fork != target.fork:
            raise error(1408, self.name)
        if target.lsn < source.log_start:
            raise error(1412, self.name)
        chain = (source.get("option", "chain") or {}).get("last_log_backup_lsn")
        if chain is not None and target.lsn < chain:
            raise error(1478, self.name)
        own = session.instance.server_name
        group.set_link(own, self.name, joined=True, phase="NOT SYNCHRONIZING", since=None, suspended=None)
        database = group.of("database")[self.name]
        session.server.change("database", self.name, group=group.name, group_database=database["id"], state="ONLINE")
        current = session.statement
        assert current is not None
        current.on_commit.append(lambda: advance(world))
        return None
