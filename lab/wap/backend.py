"""How a site's code reaches its database: with its own login, through the server name it was configured with.

Every request opens a connection of its own; the real one pools them, which only delays when a change is felt. A failure
is written to the event log with the text that SQL Server (or the client library) gave: nothing here knows of failovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.sql.api import Session, SqlError
from lab.wap import local
from lab.wap.catalogue import Feature, Login
from lab.wap.database import Target, connected
from lab.world import Document, Machine

CHANNEL = "Microsoft-WindowsAzure-Server-Management/Operational"
PROVIDER = "Microsoft-WindowsAzure-Server-Management"
DATABASE_FAILURE = 12


class NotConfiguredError(Exception):
    """The site runs but its feature was never configured: it has no connection string."""


class DatabaseFailedError(Exception):
    """A request's database work failed; the event is written."""


def settings_of(machine: Machine, feature: Feature) -> Document:
    """The node's configuration of a feature. Raises NotConfiguredError."""
    found = local.configuration(machine, feature)
    if found is None:
        raise NotConfiguredError(feature.name)
    return found


@contextmanager
def database(machine: Machine, feature: Feature, login: Login | None = None) -> Iterator[Session]:
    """A connection of the site's own. Raises NotConfiguredError, DatabaseFailedError (also for what fails inside)."""
    settings = settings_of(machine, feature)
    login = login or feature.logins[0]
    target = Target(settings["server"], login.database, login.name, settings["logins"][login.name])
    try:
        with connected(machine, target, program=feature.site.name) as session:
            yield session
    except SqlError as error:
        machine.world.log_event(machine, CHANNEL, PROVIDER, DATABASE_FAILURE, "Error", error.message)
        raise DatabaseFailedError(error.message) from error
