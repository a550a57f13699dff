"""Whether a server can take a copy of the primary's databases: looked at before the first backup.

A database never goes back to an older SQL Server (error 3169), and every replica of a group has one collation
("Prerequisites, Restrictions, and Recommendations for AlwaysOn Availability Groups"). A file that its owner put outside
the instance's default folder keeps its path on every replica, so that folder has to be there (error 5133). A copy takes
as much room as the primary's files (error 3257), on whichever volume is mounted over its folders. The copy of an
encrypted database needs the certificate, with its private key, that protects the database's key (error 33111). A
database that fits the version fits in its compatibility level, too; the edition is looked at with the group. The room
on the backup share is not looked at: SQL Server shows it nowhere, and the share may be on any machine (error 3202 says
it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.sql.remedies import CERTIFICATE, COLLATION, FOLDER, ROOM, VERSION
from components.sql.seeding import File
from components.steps import load_script
from remote.errors import MachineError
from remote.names import folded, same
from remote.session import Remote


@dataclass(frozen=True)
class Encryption:
    """What protects the key of an encrypted database (TDE)."""

    thumbprint: str
    """``encryptor_thumbprint`` as hexadecimal text with 0x."""
    certificate: str
    """Its name on the primary; empty for what is no certificate of master."""


@dataclass(frozen=True)
class Shortage:
    """A volume on which a copy does not fit."""

    volume: str
    """The folder where it is mounted: ``D:\\``."""
    needed_kilobytes: int
    """What all files of the copy that go on it take together."""
    free_kilobytes: int
    """``FreeSpace`` of Win32_Volume."""

    def __str__(self) -> str:
        return f"{self.volume} {self.needed_kilobytes // 1024} MB, of which {self.free_kilobytes // 1024} MB are free"


@dataclass(frozen=True)
class Server:
    """What a server is, as far as copies depend on it."""

    version: str
    """``11.0.7001.0``."""
    collation: str
    """The server's own, not that of a database."""
    missing: tuple[str, ...] = ()
    """Folders that a copy's files need and that its service account does not find."""
    short: tuple[Shortage, ...] = ()
    """Empty where everything fits, and where no file would be copied."""
    certificate: bool = True
    """Whether it can use the certificate that a copy needs, if any."""

    @property
    def release(self) -> tuple[int, ...]:
        """The part of the version that decides about the form of database files: 11.0 is SQL Server 2012."""
        return tuple(int(part) for part in self.version.split(".")[:2])


def read_encryption(remote: Remote, machine: str, database: str, attempted: str) -> Encryption | None:
    """What protects a database's key; None where it is not encrypted."""
    rows = remote.sql(machine).rows(load_script("sql/read_encryption.sql"), database, attempted=attempted)
    return Encryption(rows[0]["thumbprint"], rows[0]["certificate"]) if rows else None


def read_server(
    remote: Remote,
    machine: str,
    folders: Sequence[str],
    attempted: str,
    *,
    files: Sequence[File] = (),
    encryption: Encryption | None = None,
) -> Server:
    """What a server is; ``folders`` are those that a copy's files would need there, ``files`` those that a copy would
    add to its files, ``encryption`` what protects the copy's key."""
    sql = remote.sql(machine)
    row = sql.rows(load_script("sql/read_instance.sql"), attempted=attempted)[0]
    found = {folder: sql.rows(load_script("sql/read_share.sql"), folder, attempted=attempted)[0] for folder in folders}
    missing = tuple(folder for folder, kind in found.items() if not kind["File is a Directory"])
    usable = True
    if encryption:
        has = sql.rows(load_script("sql/read_certificate.sql"), encryption.thumbprint, attempted=attempted)[0]
        usable = bool(has["usable"])
    short = shortages(files, volumes(remote, machine, attempted)) if files else ()
    return Server(row["version"], row["collation"], missing, short, usable)


def volumes(remote: Remote, machine: str, attempted: str) -> dict[str, int]:
    """The kilobytes that are free on each local volume of a machine, by the folder where it is mounted (``C:\\``)."""
    found = remote.powershell(machine).run(load_script("windows/read_volumes.ps1"), attempted=attempted)
    return {str(volume["folder"]): int(volume["free"]) for volume in found}


def shortages(files: Sequence[File], free: Mapping[str, int]) -> tuple[Shortage, ...]:
    """The volumes on which files do not fit. A file on none of them, such as one on a share, is not looked at."""
    needed: dict[str, int] = {}
    for file in files:
        over = [folder for folder in free if folded(file.path).startswith(folded(folder))]
        if over:
            volume = max(over, key=len)
            needed[volume] = needed.get(volume, 0) + file.kilobytes
    return tuple(Shortage(volume, much, free[volume]) for volume, much in needed.items() if much > free[volume])


def refuse_unfit(
    servers: Mapping[str, Server],
    primary: str,
    machines: Sequence[str],
    attempted: str,
    encryption: Encryption | None = None,
) -> None:
    """Raise ``MachineError`` where a machine cannot take a copy: with everything that is wrong, on all of them."""
    wrong = [one for machine in machines if machine in servers for one in _wrong(servers, primary, machine, encryption)]
    if wrong:
        remedies = dict.fromkeys(remedy for _, remedy in wrong)
        raise MachineError(primary, attempted, "; ".join(found for found, _ in wrong), " ".join(remedies))


def _wrong(
    servers: Mapping[str, Server], primary: str, machine: str, encryption: Encryption | None
) -> Iterator[tuple[str, str]]:
    """What keeps a copy from a machine, each with what to do."""
    source, target = servers[primary], servers[machine]
    if target.release < source.release:
        yield f"{machine} has SQL Server {target.version}, older than {source.version} of {primary}", VERSION
    if not same(target.collation, source.collation):
        yield f"{machine} has the collation {target.collation}, {primary} {source.collation}", COLLATION
    for folder in target.missing:
        yield f"SQL Server on {machine} finds no folder {folder}, which the database's files are in", FOLDER
    for shortage in target.short:
        yield f"the copy needs on {machine} {shortage}", ROOM
    if encryption and not target.certificate:
        name = f"the certificate {encryption.certificate}" if encryption.certificate else "what protects its key"
        yield f"{machine} has not {name} (thumbprint {encryption.thumbprint}) with its private key", CERTIFICATE
