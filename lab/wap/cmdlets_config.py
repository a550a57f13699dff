"""MgmtSvcConfig: features, databases, passphrase, administrators.

Settings, host names and trust are in ``cmdlets_settings``. Types and property names that no page shows are the lab's
own (docs/lab/wap.md lists them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lab.powershell.api import Call, HashTable, PowerShellError, PSObject, cmdlet
from lab.sql.api import Session as SqlSession
from lab.sql.api import SqlError
from lab.wap import catalogue, local, secrets, store
from lab.wap.arguments import matches, refuse, target, text, texts, what_if
from lab.wap.catalogue import CONFIG, STORE
from lab.wap.configure import initialize, not_installed
from lab.wap.database import Target, connected, exception, run
from lab.wap.defaults import add_admin
from lab.wap.setup import Setup

_SETTINGS = {
    "Server": "dbServer",
    "UserName": "dbAdminUserName",
    "Password": "dbAdminPassword",
    "Passphrase": "configStorePassphrase",
    "EnableCeip": "enableCeip",
    "ConnectionString": "connectionString",
}


@contextmanager
def opened(call: Call, where: Target) -> Iterator[SqlSession]:
    """A connection for a cmdlet; SQL Server's errors become SqlExceptions."""
    try:
        with connected(call.machine, where, call.session.identity) as session:
            yield session
    except SqlError as error:
        raise exception(error) from None


@cmdlet("Get-MgmtSvcFeature")
def get_feature(call: Call) -> Iterable[Any]:
    wanted = texts(call, "Name")
    return [
        PSObject(
            "Microsoft.WindowsAzure.Config.PowerShell.Feature",
            {
                "Name": feature.name,
                "Installed": True,
                "Configured": local.configuration(call.machine, feature) is not None,
            },
            text=feature.name,
        )
        for feature in local.features(call.machine)
        if matches(feature.name, wanted)
    ]


def _setup(call: Call) -> Setup:
    given = call.get("Settings")
    parameters = dict(call.parameters)
    if isinstance(given, HashTable):
        for parameter, key in _SETTINGS.items():
            if parameters.get(parameter) is None and given[key] is not None:
                parameters[parameter] = given[key]
    merged = Call(call.name, parameters, call.input, call.session, call.runtime, call.bound, call.parameter_set)
    passphrase = text(merged, "Passphrase")
    if not passphrase:
        raise PowerShellError(
            "A passphrase for the configuration store is required.",
            "PassphraseRequired",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )
    return Setup(call.session, target(merged), passphrase, str(merged.get("EnableCeip") or "No"))


@cmdlet("Initialize-MgmtSvcFeature")
def initialize_feature(call: Call) -> None:
    name = text(call, "Name") or ""
    feature = catalogue.feature_named(name)
    if feature is None:
        raise not_installed(name)
    setup = _setup(call)
    if not what_if(call):
        initialize(setup, feature)


@cmdlet("Initialize-MgmtSvcProduct")
def initialize_product(call: Call) -> None:
    setup = _setup(call)
    for feature in local.features(call.machine):
        if not what_if(call):
            initialize(setup, feature)


@cmdlet("Test-MgmtSvcPassphrase")
def test_passphrase(call: Call) -> Iterable[Any]:
    passphrase = text(call, "Passphrase") or ""
    where = target(call, CONFIG)
    with opened(call, where.at("")) as session:
        exists = store.database_exists(session, where.database)
    known = None
    if exists:
        with opened(call, where) as session:
            known = store.passphrase_matches(session, passphrase)
    if known is None:
        call.runtime.write_warning(f"No passphrase was found in the database '{where.database}'.")
        return [secrets.complex_enough(passphrase)]
    return [known]


@cmdlet("Reset-MgmtSvcPassphrase")
def reset_passphrase(call: Call) -> None:
    with opened(call, target(call, CONFIG)) as session:
        if not what_if(call):
            store.change_passphrase(session, text(call, "OldPassphrase") or "", text(call, "NewPassphrase") or "")


# Administrators


@cmdlet("Get-MgmtSvcAdminUser")
def get_admin_user(call: Call) -> Iterable[Any]:
    refuse(call, "EncryptionKey", "EncryptionAlgorithm")
    wanted = texts(call, "Principal") or [str(item) for item in call.input]
    with opened(call, target(call, STORE)) as session:
        rows = run(session, "SELECT [Principal] FROM [mp].[AuthorizedAdminUsers] ORDER BY [Principal]")
    lowered = [name.lower() for name in wanted]
    return [row["Principal"] for row in rows if not wanted or row["Principal"].lower() in lowered]


@cmdlet("Add-MgmtSvcAdminUser")
def add_admin_user(call: Call) -> None:
    refuse(call, "EncryptionKey", "EncryptionAlgorithm")
    with opened(call, target(call, STORE)) as session:
        for principal in texts(call, "Principal"):
            if not what_if(call):
                add_admin(session, principal)


@cmdlet("Remove-MgmtSvcAdminUser")
def remove_admin_user(call: Call) -> None:
    refuse(call, "EncryptionKey", "EncryptionAlgorithm")
    where = "FROM [mp].[AuthorizedAdminUsers] WHERE [Principal] = @principal"
    with opened(call, target(call, STORE)) as session:
        for principal in texts(call, "Principal"):
            if not run(session, "SELECT [Principal] " + where, principal=principal):
                raise PowerShellError(
                    f"The administrator '{principal}' was not found.",
                    "AdminUserNotFound",
                    category="ObjectNotFound",
                    exception_type="System.InvalidOperationException",
                    target=principal,
                )
            if not what_if(call):
                run(session, "DELETE " + where, principal=principal)
