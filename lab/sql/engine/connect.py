"""Opening a session by a server's name, as a client on a machine of the lab does."""

from __future__ import annotations

from lab.sql.api import Session
from lab.world import Identity, Machine, World


def connect(
    world: World,
    from_machine: Machine,
    server: str,
    *,
    user: str | None = None,
    password: str | None = None,
    identity: Identity | None = None,
    database: str = "",
    program: str = "",
) -> Session:
    """Log on to ``server`` (``.``, ``localhost``, a machine, a listener, with ``tcp:``, ``,port`` or an instance).

    Raises SqlError: 53 when nothing answers there, 18456 and its relatives when the login is refused.
    """
    raise NotImplementedError
