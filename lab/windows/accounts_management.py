"""System.DirectoryServices.AccountManagement for the machine's own accounts (ContextType Machine).

``ValidateCredentials`` is a log-on: a wrong password counts as a failed one. ``UserPrincipal.LastPasswordSet`` tells
without any log-on whether the password was set since.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab import identity
from lab.powershell.api import DotNet, EnumType, NotModelledError, PowerShellError, PSObject, Session, dotnet
from lab.windows import accounts
from lab.windows.accounts import AccountError
from lab.world import Machine

_SPACE = "System.DirectoryServices.AccountManagement"
_CONTEXT_TYPE = EnumType(f"{_SPACE}.ContextType", {"Machine": 0, "Domain": 1, "ApplicationDirectory": 2})
_IDENTITY_TYPE = EnumType(
    f"{_SPACE}.IdentityType",
    {"SamAccountName": 0, "Name": 1, "UserPrincipalName": 2, "DistinguishedName": 3, "Sid": 4, "Guid": 5},
)


def _failure(error: AccountError) -> PowerShellError:
    name = {
        accounts.POLICY: "PasswordException",
        accounts.WRONG_PASSWORD: "PasswordException",
        0x800708B0: "PrincipalExistsException",
        0x80070562: "PrincipalExistsException",
    }.get(error.code, "PrincipalOperationException")
    if error.code == accounts.DENIED:
        return PowerShellError(
            str(error), "UnauthorizedAccessException", exception_type="System.UnauthorizedAccessException"
        )
    return PowerShellError(str(error), name, exception_type=f"{_SPACE}.{name}")


def as_utc(moment: datetime) -> datetime:
    """A moment of a script, which means UTC where it does not say (AccountManagement writes the value as it is)."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _guard(action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return action(*arguments, **options)
    except AccountError as error:
        raise _failure(error) from None


@dotnet(f"{_SPACE}.ContextType", "DirectoryServices.AccountManagement.ContextType")
class ContextType(DotNet):
    statics = {name: _CONTEXT_TYPE.of(number) for name, number in _CONTEXT_TYPE.members.items()}  # noqa: RUF012

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        return _CONTEXT_TYPE.find(str(arguments[0]))


@dotnet(f"{_SPACE}.IdentityType", "DirectoryServices.AccountManagement.IdentityType")
class IdentityType(DotNet):
    statics = {name: _IDENTITY_TYPE.of(number) for name, number in _IDENTITY_TYPE.members.items()}  # noqa: RUF012

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        return _IDENTITY_TYPE.find(str(arguments[0]))


class Context(PSObject):
    """A PrincipalContext of the session's machine or of its domain."""

    def __init__(self, session: Session, kind: str, name: str | None) -> None:
        self.session, self.machine, self.kind = session, session.machine, kind
        known = (self.machine.name.lower(), self.machine.fqdn) if kind == "Machine" else (
            self.machine.netbios.lower(), self.machine.domain.lower())  # fmt: skip
        if name and name.lower() not in (*known, "."):
            raise NotModelledError(f"a PrincipalContext of {name}")
        super().__init__(
            f"{_SPACE}.PrincipalContext",
            {"ContextType": ContextType.statics[kind], "Name": name},
            {"ValidateCredentials": self._validate, "Dispose": lambda: None},
        )

    def _validate(self, user: Any, password: Any, _options: Any = None) -> bool:
        name = str(user or "")
        if "\\" not in name and "@" not in name:
            prefix = self.machine.name if self.kind == "Machine" else self.machine.netbios
            name = f"{prefix}\\{name}"
        return identity.authenticate(self.machine.world, self.machine, name, str(password or "")) is not None


@dotnet(f"{_SPACE}.PrincipalContext", "DirectoryServices.AccountManagement.PrincipalContext")
class PrincipalContext(DotNet):
    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        if not 1 <= len(arguments) <= 2:
            raise NotModelledError("a PrincipalContext with container or credentials")
        kind = _CONTEXT_TYPE.find(str(arguments[0]))
        if kind is None or kind.name == "ApplicationDirectory":
            raise NotModelledError(f"a PrincipalContext of type {arguments[0]}")
        return Context(session, kind.name, str(arguments[1]) if len(arguments) == 2 and arguments[1] else None)


def _name(value: Any) -> str:
    """An identity value: ``name``, ``MACHINE\\name``."""
    return str(value).rpartition("\\")[2]


def _sid(text: str) -> PSObject:
    return PSObject("System.Security.Principal.SecurityIdentifier", {"Value": text}, text=text)


def _machine(context: Any) -> Machine:
    if not isinstance(context, Context) or context.kind != "Machine":
        raise NotModelledError("principals of a domain (AccountManagement)")
    return context.machine


class Principal(PSObject):
    """What users and groups have in common. ``name`` is how the account is written, ``new`` until the first Save."""

    def __init__(self, context: Context, kind: str, name: str, *, new: bool = False) -> None:
        super().__init__(f"{_SPACE}.{kind}", text=name)
        self.context, self.machine, self.name, self.new = context, context.machine, name, new

    def administrator(self) -> None:
        if not self.context.session.identity.administrator:
            raise _failure(AccountError(accounts.DENIED))

    @property
    def member(self) -> str:
        return f"{self.machine.name.upper()}\\{self.name}"


class User(Principal):
    """A UserPrincipal."""

    def __init__(self, context: Context, name: str, *, new: bool = False, password: str | None = None) -> None:
        super().__init__(context, "UserPrincipal", name, new=new)
        self.password = password
        document = {} if new else self.machine.collection("account")[name]
        flags = int(document.get("flags", accounts.USER_FLAGS_NEW))
        self.properties |= {
            "Name": name,
            "SamAccountName": name,
            "DisplayName": document.get("full_name", ""),
            "Description": document.get("description", ""),
            "Enabled": not flags & identity.ACCOUNT_DISABLED,
            "PasswordNeverExpires": bool(flags & identity.PASSWORD_NEVER_EXPIRES),
            "UserCannotChangePassword": bool(flags & 0x40),
            "BadLogonCount": int(document.get("bad_password_count", 0)),
            "LastPasswordSet": None if new else accounts.last_password_set(self.machine, name),
            "AccountExpirationDate": accounts.expires(document),
            "Sid": _sid(document["sid"]) if document else None,
            "ContextType": ContextType.statics["Machine"],
        }
        self.methods = {
            "save": self._save,
            "delete": self._delete,
            "setpassword": self._set_password,
            "changepassword": lambda old, new: _guard(
                accounts.change_password, self.machine, self.name, str(old), str(new)
            ),
            "expirepasswordnow": lambda: self._change(password_expired=True),
            "isaccountlockedout": lambda: bool(self.machine.collection("account")[self.name].get("locked")),
            "unlockaccount": lambda: self._change(bad_password_count=0, locked=False),
            "getgroups": self._groups,
            "dispose": lambda: None,
        }

    def _change(self, **values: Any) -> None:
        self.administrator()
        self.machine.collection("account").change(self.name, **values)

    def _delete(self) -> None:
        self.administrator()
        _guard(accounts.delete_user, self.machine, self.name)

    def _set_password(self, password: Any) -> None:
        self.administrator()
        if self.new:
            self.password = str(password)
        else:
            _guard(accounts.set_password, self.machine, self.name, str(password))

    def _save(self) -> None:
        self.administrator()
        if self.new:
            self.name = str(self.get("SamAccountName") or self.get("Name") or "")
            full_name = str(self.get("DisplayName") or "")
            _guard(accounts.create_user, self.machine, self.name, self.password or "", full_name=full_name)
            self.new, self.password = False, None
        document = self.machine.collection("account")[self.name]
        flags = int(document["flags"])
        for name, bit, meaning in (
            ("Enabled", identity.ACCOUNT_DISABLED, False),
            ("PasswordNeverExpires", identity.PASSWORD_NEVER_EXPIRES, True),
            ("UserCannotChangePassword", 0x40, True),
        ):
            flags = flags | bit if bool(self.get(name)) is meaning else flags & ~bit
        expires = self.get("AccountExpirationDate")
        self._change(
            flags=flags,
            expires=as_utc(expires).isoformat() if isinstance(expires, datetime) else "",
            full_name=str(self.get("DisplayName") or ""),
            description=str(self.get("Description") or ""),
        )
        document = self.machine.collection("account")[self.name]
        self.set("Sid", _sid(document["sid"]))
        self.set("LastPasswordSet", accounts.last_password_set(self.machine, self.name))

    def _groups(self) -> list[Group]:
        groups = [Group(self.context, name) for name in self.machine.collection("group")]
        return [group for group in groups if group.holds(self.member)]


class Group(Principal):
    """A GroupPrincipal of the machine, as ``GetGroups()`` gives it."""

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, "GroupPrincipal", name)
        self.document = self.machine.collection("group")[self.name]
        self.properties |= {
            "Name": name,
            "SamAccountName": name,
            "Description": self.document["description"],
            "Sid": _sid(self.document["sid"]),
            "ContextType": ContextType.statics["Machine"],
        }

    def holds(self, member: str) -> bool:
        return member.lower() in (known.lower() for known in self.document["members"])


def _find_user(_: Session, context: Any, *what: Any) -> User | None:
    machine = _machine(context)
    name = accounts.user_named(machine, _name(what[-1]))
    return User(context, name) if name is not None else None


@dotnet(f"{_SPACE}.UserPrincipal", "DirectoryServices.AccountManagement.UserPrincipal")
class UserPrincipal(DotNet):
    statics = {"FindByIdentity": _find_user}  # noqa: RUF012 - a constant table

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        _machine(arguments[0] if arguments else None)
        if len(arguments) == 1:
            return User(arguments[0], "", new=True)
        context, name, password = arguments[:3]
        made = User(context, str(name), new=True, password=str(password))
        if len(arguments) > 3:
            made.set("Enabled", bool(arguments[3]))
        return made
