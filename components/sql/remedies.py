"""What to do about errors of SQL Server, by their numbers: never by the step that met them.

Texts of the errors: Microsoft's list "Database engine events and errors". A number that is not here has SQL Server's
own words only.
"""

from __future__ import annotations

from collections.abc import Mapping

from remote.errors import TIMED_OUT

_AGAIN = "then run `pulumi up` again"
VERSION = (
    "A database does not go back to an older SQL Server: bring this one to the primary's version (SERVERPROPERTY("
    f"'ProductVersion')); {_AGAIN}."
)
COLLATION = f"All replicas of a group have one collation: install the instance with the primary's; {_AGAIN}."
FOLDER = (
    "Create that folder there, with full control for SQL Server's service account: a file that its owner put outside "
    f"the instance's default folder keeps its path on every replica; {_AGAIN}."
)
CERTIFICATE = (
    "The database is encrypted (TDE): on the primary, BACKUP CERTIFICATE … WITH PRIVATE KEY; on every other replica, "
    f"CREATE CERTIFICATE in master from those files, with the private key; {_AGAIN}."
)
ROOM = f"Make room on that volume, as much as the message says; {_AGAIN}."
_SHARE = (
    f"See that the service account of every SQL Server may read and write {{share}}, and that there is room; {_AGAIN}."
)
_LOG = (
    "The copy lacks a part of the log that another program backed up meanwhile. Let its backup job pause, or write to "
    f"a share that the service account of every SQL Server can read; {_AGAIN}."
)
_COMPUTER = (
    "The cluster cannot make or use the listener's computer object: let the cluster's own computer object create "
    "computer objects in its organizational unit, or make a disabled one named {listener} there and give the cluster "
    "full control of it; see too that no other machine has the name or the address."
)
_SEED: Mapping[int, str] = {
    TIMED_OUT: "Check in sys.dm_exec_requests there what it waits for: a disk, the share, a lock. If it is only slow, "
    f"raise `waits.synchronization_seconds`; {_AGAIN}: it resumes.",
    1412: _LOG,
    1478: _LOG,
    4305: _LOG,
    3169: VERSION,
    3201: _SHARE,
    3202: _SHARE,
    3203: _SHARE,
    3257: ROOM,
    5133: FOLDER,
    33111: CERTIFICATE,
    35250: "See that the endpoint for database mirroring is started on the primary and here, that each port is open to "
    f"the other server, and that each service account may connect; {_AGAIN}.",
}
_LISTENER: Mapping[int, str] = {
    19471: _COMPUTER,
    19476: _COMPUTER,
    19477: "Name that one in `sql.listener.name`, or remove it (ALTER AVAILABILITY GROUP … "
    f"REMOVE LISTENER) when nobody connects through it; {_AGAIN}.",
    19486: "Another program on the primary has that port: end it (`netstat -aon` names it) and run ALTER AVAILABILITY "
    f"GROUP … RESTART LISTENER there, or declare another `sql.listener.port`; {_AGAIN}.",
}


def of_seed(share: str) -> dict[int, str]:
    """For backups to a share, restores from it, and joining."""
    return {number: text.replace("{share}", share) for number, text in _SEED.items()}


def of_listener(listener: str) -> dict[int, str]:
    return {number: text.replace("{listener}", listener) for number, text in _LISTENER.items()}
