"""Initialize-MgmtSvcFeature: databases, logins and users on SQL Server, the store, then this node's own files.

Only what is missing is made, so that a second node (or a second run) finds databases, logins and passwords and takes
them over. The order matters: the passphrase of an existing store is checked before anything is changed.
"""

from __future__ import annotations

import time

from lab.powershell.api import PowerShellError, Session
from lab.sql.api import Session as SqlSession
from lab.sql.api import SqlError
from lab.wap import defaults, local, schema, secrets, store
from lab.wap.catalogue import CONFIG, Feature
from lab.wap.database import exception, run
from lab.wap.schema import literal, quoted
from lab.wap.setup import Setup
from lab.world import Document

CONFIGURATION_SECONDS = 6.0
"""Modelled duration of configuring one feature: the lab's guess."""

AUTHENTICATION = "Authentication"
TOKEN_KEY = "tokenSigningKey"  # noqa: S105 - the name of a setting


def initialize(setup: Setup, feature: Feature) -> None:
    """Configure one feature on the session's machine. Raises PowerShellError; what was made until then stays."""
    machine = setup.session.machine
    if not local.installed(machine, feature.component):
        raise not_installed(feature.name)
    if not setup.session.identity.administrator:
        raise PowerShellError(
            "Access is denied.",
            "UnauthorizedAccess",
            category="PermissionDenied",
            exception_type="System.UnauthorizedAccessException",
        )
    try:
        _check_passphrase(setup)
        for name, database in feature.schemas:
            ensure_schema(setup, name, database)
        with setup.open(CONFIG) as config:
            store.require_passphrase(config, setup.passphrase)
            document = _node_settings(setup, config, feature)
        for login in feature.logins:
            for name in login.schemas:
                role = schema.role_of(name)
                ensure_user(setup, login.name, document["logins"][login.name], login.database, role)
        defaults.write(setup, feature, document)
    except SqlError as error:
        raise exception(error) from None
    machine.world.clock.sleep(CONFIGURATION_SECONDS)
    machine.collection("wap-feature")[feature.name] = document
    _join_operators(setup.session)
    _start(setup.session, feature)


def not_installed(name: str) -> PowerShellError:
    """The text is the lab's own; that only installed features can be configured is documented."""
    return PowerShellError(
        f"The feature '{name}' is not installed on this computer.",
        "FeatureNotFound",
        category="ObjectNotFound",
        exception_type="System.InvalidOperationException",
        target=name,
    )


def _check_passphrase(setup: Setup) -> None:
    with setup.open() as session:
        if not store.database_exists(session, CONFIG):
            if not secrets.complex_enough(setup.passphrase):
                raise store.WeakPassphraseError
            return
    with setup.open(CONFIG) as config:
        if store.passphrase_matches(config, setup.passphrase) is False:
            raise store.WrongStorePassphraseError


def ensure_schema(setup: Setup, name: str, database: str) -> None:
    """Install-MgmtSvcDatabase: the database when it is missing, then the schema's objects. Raises SqlError.

    New databases are in the SIMPLE recovery model: the article has to switch them to FULL. See docs/lab/wap.md.
    """
    with setup.open() as session:
        if not store.database_exists(session, database):
            run(session, f"CREATE DATABASE {quoted(database)}")
            run(session, f"ALTER DATABASE {quoted(database)} SET RECOVERY SIMPLE")
    with setup.open(database) as session:
        if run(session, "SELECT DATABASE_PRINCIPAL_ID(@role) AS id", role=schema.role_of(name))[0]["id"] is None:
            for batch in schema.create_schema(name):
                run(session, batch)


def _node_settings(setup: Setup, config: SqlSession, feature: Feature) -> Document:
    """Passwords and keys from the store, made when they are missing, as this node's configuration keeps them."""

    def shared(namespace: str, name: str, fresh: str) -> str:
        return store.shared(config, namespace, name, setup.passphrase, fresh)

    document: Document = {
        "configured": True,
        "server": setup.target.server,
        "logins": {
            login.name: shared(feature.name, f"password.{login.name}", secrets.new_password())
            for login in feature.logins
        },
        "keys": {
            name: shared(feature.name, name, secrets.new_key(size))
            for name, size in (("machineKey.decryptionKey", 32), ("machineKey.validationKey", 64))
        },
        "token_key": shared(AUTHENTICATION, TOKEN_KEY, secrets.new_key()),
        "settings": {"EnableCeip": setup.experience},
    }
    if feature.provider:
        document["provider_password"] = shared(feature.name, "providerPassword", secrets.new_password())
    return document


def ensure_user(setup: Setup, login: str, password: str, database: str, role: str) -> None:
    """Make the login on the server that answers now, the user in the database and its role membership."""
    with setup.open(database) as session:
        if not run(session, "SELECT sid FROM sys.server_principals WHERE name = @name", name=login):
            run(session, f"CREATE LOGIN {quoted(login)} WITH PASSWORD = {literal(password)}")
        if run(session, "SELECT DATABASE_PRINCIPAL_ID(@name) AS id", name=login)[0]["id"] is None:
            run(session, f"CREATE USER {quoted(login)} FOR LOGIN {quoted(login)}")
        run(session, f"ALTER ROLE {quoted(role)} ADD MEMBER {quoted(login)}")


def _join_operators(session: Session) -> None:
    """The account that configures becomes an operator; it counts from its next log-on (reference: BOOK, dn296439)."""
    groups = session.machine.collection("group")
    with session.machine.world.lock:
        members = groups[local.OPERATORS]["members"]
        user = session.identity.user
        if user.lower() not in (member.lower() for member in members) and not user.upper().startswith("NT AUTHORITY"):
            groups.change(local.OPERATORS, members=[*members, user])


def _start(session: Session, feature: Feature) -> None:
    from lab.windows import iis

    site = session.machine.collection("site").get(feature.site.name)
    if site and site["state"] != "Started":
        iis.start_site(session.machine, feature.site.name)


def now() -> float:
    """The time that tokens are stamped with."""
    return time.time()
