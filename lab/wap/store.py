"""The settings store: ``[Config].[Settings]`` in the three databases that have the Config schema, and its passphrase.

Values in ``Microsoft.MgmtSvc.Config`` are protected with the passphrase; those in the other two are readable. Whether a
passphrase is right is known from one protected value (``[Config].[Passphrase]``, a table of the lab's own making).
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.powershell.api import PowerShellError
from lab.sql.api import Session
from lab.wap.catalogue import CONFIG
from lab.wap.database import run
from lab.wap.secrets import WrongPassphraseError, complex_enough, protect, unprotect

_PROOF = "Microsoft.MgmtSvc"


@dataclass(frozen=True)
class Setting:
    namespace: str
    name: str
    value: str | None


class WrongStorePassphraseError(PowerShellError):
    """The store exists and was protected with another passphrase. The text is the lab's own (unproven)."""

    def __init__(self) -> None:
        super().__init__(
            f"The passphrase is not valid for the configuration store '{CONFIG}'.",
            "InvalidPassphrase",
            category="InvalidArgument",
            exception_type="System.Security.Cryptography.CryptographicException",
        )


class WeakPassphraseError(PowerShellError):
    """The text is the lab's own; the rule is documented."""

    def __init__(self) -> None:
        super().__init__(
            "The passphrase must have more than eight characters and contain at least one non-alphanumeric character.",
            "InvalidPassphrase",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        )


def database_exists(session: Session, name: str) -> bool:
    return bool(run(session, "SELECT name FROM sys.databases WHERE name = @name", name=name))


def has_store(session: Session) -> bool:
    """Whether the current database has the Config schema."""
    return run(session, "SELECT OBJECT_ID(N'Config.Settings') AS id")[0]["id"] is not None


def passphrase_matches(session: Session, passphrase: str) -> bool | None:
    """None when this database has no passphrase yet."""
    if not has_store(session):
        return None
    found = run(session, "SELECT [Proof] FROM [Config].[Passphrase]")
    if not found:
        return None
    try:
        return unprotect(found[0]["Proof"], passphrase) == _PROOF
    except WrongPassphraseError:
        return False


def set_passphrase(session: Session, passphrase: str) -> None:
    """Set it for the first time. Raises WeakPassphraseError."""
    if not complex_enough(passphrase):
        raise WeakPassphraseError
    run(session, "INSERT INTO [Config].[Passphrase] ([Proof]) VALUES (@proof)", proof=protect(_PROOF, passphrase))


def require_passphrase(session: Session, passphrase: str) -> None:
    """Set the passphrase of an empty store, check that of any other. Raises the two errors above."""
    matches = passphrase_matches(session, passphrase)
    if matches is None:
        set_passphrase(session, passphrase)
    elif not matches:
        raise WrongStorePassphraseError


def change_passphrase(session: Session, old: str, new: str) -> None:
    """Encrypt every value again. Raises WrongStorePassphraseError, WeakPassphraseError."""
    if passphrase_matches(session, old) is not True:
        raise WrongStorePassphraseError
    if not complex_enough(new):
        raise WeakPassphraseError
    for setting in settings(session):
        if setting.value:
            put(session, setting.namespace, setting.name, protect(unprotect(setting.value, old), new))
    run(session, "UPDATE [Config].[Passphrase] SET [Proof] = @proof", proof=protect(_PROOF, new))


def settings(session: Session) -> list[Setting]:
    """All settings of the current database as they are stored."""
    rows = run(session, "SELECT [Namespace], [Name], [Value] FROM [Config].[Settings] ORDER BY [Namespace], [Name]")
    return [Setting(row["Namespace"], row["Name"], row["Value"]) for row in rows]


def get(session: Session, namespace: str, name: str) -> str | None:
    rows = run(
        session,
        "SELECT [Value] FROM [Config].[Settings] WHERE [Namespace] = @namespace AND [Name] = @name",
        namespace=namespace,
        name=name,
    )
    return rows[0]["Value"] if rows else None


def put(session: Session, namespace: str, name: str, value: str | None) -> None:
    run(
        session,
        """IF EXISTS (SELECT 1 FROM [Config].[Settings] WHERE [Namespace] = @namespace AND [Name] = @name)
    UPDATE [Config].[Settings] SET [Value] = @value WHERE [Namespace] = @namespace AND [Name] = @name
ELSE
    INSERT INTO [Config].[Settings] ([Namespace], [Name], [Value]) VALUES (@namespace, @name, @value)""",
        namespace=namespace,
        name=name,
        value=value,
    )


def get_protected(session: Session, namespace: str, name: str, passphrase: str) -> str | None:
    """A value of the Config database in clear. Raises WrongStorePassphraseError."""
    value = get(session, namespace, name)
    try:
        return None if value is None else unprotect(value, passphrase)
    except WrongPassphraseError:
        raise WrongStorePassphraseError from None


def put_protected(session: Session, namespace: str, name: str, value: str, passphrase: str) -> None:
    put(session, namespace, name, protect(value, passphrase))


def shared(session: Session, namespace: str, name: str, passphrase: str, fresh: str) -> str:
    """A protected value that all nodes have in common; ``fresh`` becomes it when there is none yet."""
    found = get_protected(session, namespace, name, passphrase)
    if found is None:
        put_protected(session, namespace, name, fresh, passphrase)
    return found or fresh
