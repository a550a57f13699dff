"""``[ADSI]'WinNT://…'``: System.DirectoryServices.DirectoryEntry on the WinNT provider, for the machine's own accounts.

An entry is bound when a member of it is used, so a cast never fails and the first use of a missing account does, with
the message of PowerShell's adapter (source: DirectoryEntryAdapter of the published PowerShell source). Properties are
a cache; ``SetInfo`` writes them. ``SetPassword`` acts at once on an account that exists.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lab import identity
from lab.powershell.api import DotNet, NotModelledError, PowerShellError, PSObject, Session, dotnet
from lab.powershell.values import NetList
from lab.windows import accounts
from lab.windows.accounts import AccountError
from lab.windows.accounts_winnt import (
    COM,
    ComObject,
    ads_path,
    bind,
    failure,
    member_object,
    member_of_path,
    unreachable,
)

if TYPE_CHECKING:
    from lab.world import Document

DIRECTORY_ENTRY = "System.DirectoryServices.DirectoryEntry"


class PropertyValues(NetList):
    """A PropertyValueCollection of one value or none. It is enumerated like any collection, and has ``Value``."""

    def __init__(self, value: Any) -> None:
        super().__init__([] if value is None else [value], "System.DirectoryServices.PropertyValueCollection")
        self.methods = {"set_value": self.assign}

    @property
    def value(self) -> Any:
        return self[0] if self else None

    @property
    def properties(self) -> dict[str, Any]:
        return {"Value": self.value}

    def assign(self, value: Any) -> None:
        """``.Value = …``; several values at once are none of the WinNT provider's properties of accounts."""
        if isinstance(value, list):
            if len(value) > 1:
                raise NotModelledError("several values of a property of the WinNT provider")
            value = value[0] if value else None
        self[:] = [] if value is None else [value]


_WRITTEN = {
    name.lower(): name
    for name in (
        "Add",
        "ChangePassword",
        "CommitChanges",
        "Create",
        "Delete",
        "Get",
        "Groups",
        "Invoke",
        "InvokeGet",
        "InvokeSet",
        "IsMember",
        "Members",
        "Put",
        "RefreshCache",
        "Remove",
        "SetInfo",
        "SetPassword",
    )
}
"""Methods as scripts usually write them: the evaluator asks for them in lower case."""


class _Unbound(dict[str, Any]):
    """Methods of an entry that cannot be bound: asking for any of them fails."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code

    def __contains__(self, name: object) -> bool:
        raise unreachable(str(name), self._code)

    def get(self, name: str, default: Any = None) -> Any:
        raise unreachable(_WRITTEN.get(name, name), self._code)

    def __getitem__(self, name: str) -> Any:
        raise unreachable(_WRITTEN.get(name, name), self._code)


class Entry(PSObject):
    """A DirectoryEntry. ``kind`` is ``Computer``, ``User`` or ``Group``; ``error`` the HRESULT of a failed binding."""

    def __init__(self, session: Session, path: str) -> None:
        super().__init__(DIRECTORY_ENTRY, text=DIRECTORY_ENTRY)
        self.session, self.machine, self.path = session, session.machine, path
        self.kind, self.name, self.error, self.new = bind(self.machine, path)
        self.password: str | None = None
        if self.error is not None:
            self.methods = _Unbound(self.error)
        else:
            self._fill()

    # PowerShell asks an entry's own properties first, .NET's after them.
    def name_of(self, name: str) -> str | None:
        if self.error is not None and name.lower() not in ("path", "psbase"):
            raise unreachable(name, self.error)
        return super().name_of(name)

    def get(self, name: str, default: Any = None) -> Any:
        if name.lower() == "path":
            return self.path
        if name.lower() == "children" and self.kind == "Computer":
            return self._children()
        return super().get(name, default)

    def set(self, name: str, value: Any) -> None:
        key = self.name_of(name)
        held = self.properties.get(key) if key else None
        if not isinstance(held, PropertyValues) or key in ("Name", "objectSid", "PasswordAge", "BadPasswordAttempts"):
            raise NotModelledError(f"setting {name} of an entry of the WinNT provider")
        held.assign(value)

    def document(self) -> Document:
        collection = self.machine.collection("account" if self.kind == "User" else "group")
        if self.name not in collection:
            raise failure(accounts.NOT_FOUND_USER if self.kind == "User" else accounts.NOT_FOUND_GROUP)
        return collection[self.name]

    def _fill(self) -> None:
        values: dict[str, Any] = {"Name": PropertyValues(self.name)}
        actions: dict[str, Callable[..., Any]] = {
            "Close": lambda: None,
            "CommitChanges": self._commit,
            "Dispose": lambda: None,
            "Get": self._read,
            "GetInfo": self._fill,
            "Invoke": lambda name, *arguments: self._invoke(str(name), *arguments),
            "InvokeGet": self._read,
            "InvokeSet": self._put,
            "Put": self._put,
            "RefreshCache": self._fill,
            "SetInfo": self._commit,
        }
        if self.kind == "Computer":
            values |= {"Children": None}  # read when asked for
            actions |= {"Create": self._create, "Delete": self._delete}
        elif self.kind == "User":
            values |= self._user_values()
            actions |= {
                "SetPassword": self._set_password,
                "ChangePassword": self._change_password,
                "Groups": self._groups,
            }
        else:
            values |= {"Description": PropertyValues(self._stored("description")), "objectSid": self._sid()}
            actions |= {"Members": self._members, "Add": self._add, "Remove": self._remove, "IsMember": self._is_member}
        parent = self.path.rsplit(",", 1)[0].rpartition("/")[0]
        self.properties = {**values, "Path": self.path, "SchemaClassName": self.kind, "Parent": parent}
        self.methods = {name.lower(): action for name, action in actions.items()}

    def _stored(self, key: str, default: Any = "") -> Any:
        return default if self.new else self.document().get(key, default)

    def _sid(self) -> PropertyValues:
        return PropertyValues(None if self.new else list(identity.sid_bytes(self.document()["sid"])))

    def _user_values(self) -> dict[str, PropertyValues]:
        age = 0 if self.new else accounts.password_age(self.machine, self.name)
        return {
            "FullName": PropertyValues(self._stored("full_name")),
            "Description": PropertyValues(self._stored("description")),
            "UserFlags": PropertyValues(self._stored("flags", accounts.USER_FLAGS_NEW)),
            "PasswordExpired": PropertyValues(int(bool(self._stored("password_expired", False)))),
            "PasswordAge": PropertyValues(age),
            "BadPasswordAttempts": PropertyValues(self._stored("bad_password_count", 0)),
            "objectSid": self._sid(),
        }

    # --- methods of every entry ---

    def _read(self, name: Any) -> Any:
        if self.kind == "User" and str(name).lower() == "accountdisabled":
            return bool(self.get("UserFlags").value & identity.ACCOUNT_DISABLED)
        held = super().get(str(name))
        if isinstance(held, PropertyValues):
            return held.value
        if str(name).lower() in ("adspath", "class"):
            return {"adspath": ads_path(self.machine, self.kind, self.name), "class": self.kind}[str(name).lower()]
        raise failure(0x8000500D)

    def _put(self, name: Any, value: Any) -> None:
        if self.kind == "User" and str(name).lower() == "accountdisabled":
            flags = int(self.get("UserFlags").value) & ~identity.ACCOUNT_DISABLED
            self.set("UserFlags", flags | (identity.ACCOUNT_DISABLED if value else 0))
            return
        self.set(str(name), value[0] if isinstance(value, list) and len(value) == 1 else value)

    def _invoke(self, name: str, *arguments: Any) -> Any:
        method = self.methods.get(name.lower())
        if method is None or name.lower() in ("invoke", "close", "dispose", "commitchanges", "refreshcache"):
            raise PowerShellError(
                "Unknown name. (Exception from HRESULT: 0x80020006 (DISP_E_UNKNOWNNAME))",
                "CatchFromBaseAdapterMethodInvokeTI",
                exception_type=COM,
            )
        flat = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
        return method(*flat)

    def _commit(self) -> None:
        if self.kind == "Computer":
            return
        self._administrator()
        description = str(self.get("Description").value or "")
        if self.kind == "Group":
            if self.new:
                _guard(accounts.create_group, self.machine, self.name, description)
                self.new = False
            self.document()
            self.machine.collection("group").change(self.name, description=description)
        else:
            values: dict[str, Any] = {
                "full_name": str(self.get("FullName").value or ""),
                "description": description,
                "flags": int(self.get("UserFlags").value),
                "password_expired": bool(self.get("PasswordExpired").value),
            }
            if self.new:
                _guard(accounts.create_user, self.machine, self.name, self.password or "", **values)
                self.new, self.password = False, None
            self.document()
            self.machine.collection("account").change(self.name, **values)
        self._fill()

    def _administrator(self) -> None:
        if not self.session.identity.administrator:
            raise failure(accounts.DENIED)

    # --- computers ---

    def _children(self) -> list[Entry]:
        base = f"WinNT://{self.machine.netbios}/{self.machine.name.upper()}"
        users = [Entry(self.session, f"{base}/{name},user") for name in self.machine.collection("account")]
        return users + [Entry(self.session, f"{base}/{name},group") for name in self.machine.collection("group")]

    def _create(self, kind: Any, name: Any) -> Entry:
        wanted = str(kind).lower()
        if wanted not in ("user", "group", "localgroup"):
            raise NotModelledError(f"creating a {kind} with the WinNT provider")
        made = Entry(self.session, f"WinNT://{self.machine.netbios}/{self.machine.name.upper()}")
        made.kind, made.name, made.new = ("User" if wanted == "user" else "Group"), str(name), True
        made.path = f"{made.path}/{name}"
        made._fill()
        return made

    def _delete(self, kind: Any, name: Any) -> None:
        self._administrator()
        action = accounts.delete_user if str(kind).lower() == "user" else accounts.delete_group
        _guard(action, self.machine, str(name))

    # --- users ---

    def _set_password(self, password: Any) -> None:
        if self.new:
            self.password = str(password)
            return
        self._administrator()
        self.document()
        _guard(accounts.set_password, self.machine, self.name, str(password))

    def _change_password(self, old: Any, new: Any) -> None:
        self.document()
        _guard(accounts.change_password, self.machine, self.name, str(old), str(new))

    def _groups(self) -> list[ComObject]:
        member = f"{self.machine.name}\\{self.name}".lower()
        groups = self.machine.collection("group").items()
        return [
            ComObject(self.machine, "Group", name)
            for name, document in groups
            if member in (known.lower() for known in document["members"])
        ]

    # --- groups ---

    def _members(self) -> list[ComObject]:
        return [member_object(self.machine, member) for member in self.document()["members"]]

    def _add(self, path: Any) -> None:
        self._administrator()
        self.document()
        member = _guard(member_of_path, self.machine, str(path))
        _guard(accounts.add_member, self.machine, self.name, member)

    def _remove(self, path: Any) -> None:
        self._administrator()
        self.document()
        member = _guard(member_of_path, self.machine, str(path))
        _guard(accounts.remove_member, self.machine, self.name, member)

    def _is_member(self, path: Any) -> bool:
        member = _guard(member_of_path, self.machine, str(path))
        return member.lower() in (known.lower() for known in self.document()["members"])


def _guard(action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return action(*arguments, **options)
    except AccountError as error:
        raise failure(error.code) from None


def exists(session: Session, path: Any) -> bool:
    """``[ADSI]::Exists``: a missing group is False, a missing user an error (0x800708AD is not in its list)."""
    entry = Entry(session, str(path))
    if entry.error in (None, accounts.NOT_FOUND_GROUP):
        return entry.error is None
    assert entry.error is not None
    raise failure(entry.error)


def root_dse(session: Session) -> PSObject:
    """The RootDSE of the domain's controller, which is no machine of the lab, for anybody who asks (Microsoft:
    "rootDSE", attribute currentTime, GeneralizedTime). ``world.collection(domain, "clock")["state"]`` =
    {"ahead": seconds}."""
    machine = session.machine
    ahead = (machine.world.collection(machine.domain, "clock").get("state") or {}).get("ahead", 0)
    now = machine.world.clock.now() + timedelta(seconds=ahead)
    context = ",".join(f"DC={part}" for part in machine.domain.split("."))
    values = {"currentTime": f"{now:%Y%m%d%H%M%S}.0Z", "defaultNamingContext": context}
    return PSObject(DIRECTORY_ENTRY, {name: PropertyValues(value) for name, value in values.items()})


@dotnet("adsi", DIRECTORY_ENTRY, "DirectoryServices.DirectoryEntry")
class DirectoryEntry(DotNet):
    """The type itself: a cast from a path or from a COM object, ``Exists``."""

    statics = {"Exists": exists}  # noqa: RUF012 - a constant table

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        if [str(one).lower() for one in arguments[::3]] == ["ldap://rootdse", "anonymous"] and arguments[1] is None:
            return root_dse(session)
        if len(arguments) != 1:
            raise NotModelledError("a DirectoryEntry without a path or with credentials")
        source = arguments[0]
        if isinstance(source, ComObject):
            return Entry(session, source.path)
        if not isinstance(source, str) or not source:
            raise NotModelledError("a DirectoryEntry of the current domain")
        return Entry(session, source)
