"""One SQL Server service."""

from __future__ import annotations

from lab.sql.api import Session
from lab.world import Identity, Machine, World


class Instance:
    """A running SQL Server of one machine (see ``lab.sql.api.Instance``)."""

    version: tuple[int, int, int] = (11, 0, 3000)

    def login(self, user: str, password: str, database: str = "", *, host: str = "", program: str = "") -> Session:
        """SQL Server authentication. Raises SqlError."""
        raise NotImplementedError

    def login_windows(self, identity: Identity, database: str = "", host: str = "", program: str = "") -> Session:
        """Windows authentication as somebody whom Windows has vouched for. Raises SqlError."""
        raise NotImplementedError


def instance_of(world: World, machine: Machine) -> Instance | None:
    """The instance of a machine, or None while its service is stopped or there is none."""
    raise NotImplementedError


def start_instance(world: World, machine: Machine) -> None:
    """The service starts: modelled time for recovery, then databases of the group resynchronise. Harmless twice."""
    raise NotImplementedError


def stop_instance(world: World, machine: Machine) -> None:
    """The service stops: its sessions end at once, open transactions are rolled back. Harmless twice."""
    raise NotImplementedError
