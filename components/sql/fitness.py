"""Whether a server can take a copy of the primary's databases: looked at before the first backup.

A database never goes back to an older SQL Server (error 3169), and every replica of a group has one collation
("Prerequisites, Restrictions, and Recommendations for AlwaysOn Availability Groups"). A file that its owner put outside
the instance's default folder keeps its path on every replica, so that folder has to be there (error 5133). A database
that fits the version fits in its compatibility level, too; the edition is looked at with the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.sql.remedies import COLLATION, FOLDER, VERSION
from components.steps import load_script
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote


@dataclass(frozen=True)
class Server:
    """What a server is, as far as copies depend on it."""

    version: str
    """``11.0.7001.0``."""
    collation: str
    missing: tuple[str, ...] = ()
    """Folders that a copy's files need and that its service account does not find."""

    @property
    def release(self) -> tuple[int, ...]:
        """The part of the version that decides about the form of database files: 11.0 is SQL Server 2012."""
        return tuple(int(part) for part in self.version.split(".")[:2])


def read_server(remote: Remote, machine: str, folders: Sequence[str], attempted: str) -> Server:
    """What a server is; ``folders`` are those that a copy's files would need there."""
    sql = remote.sql(machine)
    row = sql.rows(load_script("sql/read_instance.sql"), attempted=attempted)[0]
    found = {folder: sql.rows(load_script("sql/read_share.sql"), folder, attempted=attempted)[0] for folder in folders}
    missing = tuple(folder for folder, kind in found.items() if not kind["File is a Directory"])
    return Server(row["version"], row["collation"], missing)


def refuse_unfit(servers: Mapping[str, Server], primary: str, machines: Sequence[str], attempted: str) -> None:
    """Raise ``MachineError`` where a machine cannot take a copy: with everything that is wrong, on all of them."""
    wrong = [one for machine in machines if machine in servers for one in _wrong(servers, primary, machine)]
    if wrong:
        remedies = dict.fromkeys(remedy for _, remedy in wrong)
        raise MachineError(primary, attempted, "; ".join(found for found, _ in wrong), " ".join(remedies))


def _wrong(servers: Mapping[str, Server], primary: str, machine: str) -> Iterator[tuple[str, str]]:
    """What keeps a copy from a machine, each with what to do."""
    source, target = servers[primary], servers[machine]
    if target.release < source.release:
        yield f"{machine} has SQL Server {target.version}, older than {source.version} of {primary}", VERSION
    if not same(target.collation, source.collation):
        yield f"{machine} has the collation {target.collation}, {primary} {source.collation}", COLLATION
    for folder in target.missing:
        yield f"SQL Server on {machine} finds no folder {folder}, which the database's files are in", FOLDER
