"""The registry of a machine: the drive ``HKLM:`` and functions for the other parts of the lab.

A key is a document in the machine's collection ``registry``, named by its whole path (``HKLM\\SOFTWARE\\…``), with
``{"values": {name: {"type": …, "data": …}}}``. The types are those of Microsoft.Win32.RegistryValueKind; binary data
is hexadecimal text. A key exists when it has a document or when a key below it has one. A volatile key's document has
``"volatile": True``: it is gone after the next start of Windows (Microsoft: RegistryOptions.Volatile).

Errors are those of the registry provider of Windows PowerShell (its open source successor has the same texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lab.powershell.api import Drive, Int64, PowerShellError, PSObject, Session, drive
from lab.powershell.values import NetArray
from lab.windows.values import byte_array, text
from lab.world import Machine

KINDS = {kind.lower(): kind for kind in ("String", "ExpandString", "Binary", "DWord", "MultiString", "QWord")}
PROVIDER = "Microsoft.PowerShell.Core\\Registry"
SERVICING = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
SESSION_MANAGER = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"


def value(machine: Machine, key: str, name: str) -> Any:
    """The data of one value, None when the key or the value is missing. ``key`` begins with ``HKLM\\``."""
    with machine.world.lock:
        values = _values(machine, key)
    found = next((entry for known, entry in values.items() if known.lower() == name.lower()), None)
    return found["data"] if found else None


def write(machine: Machine, key: str, name: str, data: Any, kind: str) -> None:
    """Set one value and make the key when it is missing. ``data`` is already what the kind stores."""
    with machine.world.lock:
        values = _values(machine, key)
        known = next((other for other in values if other.lower() == name.lower()), name)
        values[known] = {"type": kind, "data": data}
        _store(machine, key, values)


def erase(machine: Machine, key: str, name: str) -> bool:
    """Remove one value; False when there is none."""
    with machine.world.lock:
        values = _values(machine, key)
        known = next((other for other in values if other.lower() == name.lower()), None)
        if known is None:
            return False
        del values[known]
        _store(machine, key, values)
        return True


def remove_key(machine: Machine, key: str) -> None:
    """Remove a key with everything below it."""
    with machine.world.lock:
        keys = machine.collection("registry")
        for name in list(keys):
            if name.lower() == key.lower() or name.lower().startswith(key.lower() + "\\"):
                del keys[name]


def create(machine: Machine, key: str, *, volatile: bool) -> None:
    """Make a key and those above it that are missing; one that exists is left as it is."""
    with machine.world.lock:
        if not exists(machine, key):
            machine.collection("registry")[key] = {"values": {}} | ({"volatile": True} if volatile else {})


def machine_started(machine: Machine) -> None:
    """Volatile keys were in memory alone."""
    for key, document in list(machine.collection("registry").items()):
        if document.get("volatile"):
            remove_key(machine, key)


def exists(machine: Machine, key: str) -> bool:
    return key.lower() in _tree(machine)


def subkeys(machine: Machine, key: str) -> list[str]:
    """Names of the keys directly below, in alphabetical order as the registry enumerates them."""
    found = _tree(machine).get(key.lower(), {})
    return [found[child] for child in sorted(found)]


def _tree(machine: Machine) -> dict[str, dict[str, str]]:
    """The keys below each key: lower-case name to the name as it is spelled."""
    return machine.world.memo.get(("registry", machine.name), lambda: _grown(machine.collection("registry")))


def _grown(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = {}
    for key in keys:
        above, *below = key.split("\\")
        node = tree.setdefault(above.lower(), {})
        path = above.lower()
        for name in below:
            node.setdefault(name.lower(), name)
            path += "\\" + name.lower()
            node = tree.setdefault(path, {})
    return tree


def restart_pending(machine: Machine) -> bool:
    """Whether Windows says that a restart is due: renamed files or component servicing."""
    return bool(value(machine, SESSION_MANAGER, "PendingFileRenameOperations")) or exists(
        machine, SERVICING + "\\RebootPending"
    )


def _values(machine: Machine, key: str) -> dict[str, Any]:
    keys = machine.collection("registry")
    return dict(keys[key]["values"]) if key in keys else {}


def _store(machine: Machine, key: str, values: dict[str, Any]) -> None:
    """Keep the values of a key; what else is known of the key stays."""
    keys = machine.collection("registry")
    keys[key] = {**(keys.get(key) or {}), "values": values}


def _spelled(machine: Machine, key: str) -> str:
    """The key with the spelling under which it was made, as far as it exists."""
    tree = _tree(machine)
    parts = key.split("\\")
    spelled = parts[0]
    for part in parts[1:]:
        spelled += "\\" + tree.get(spelled.lower(), {}).get(part.lower(), part)
    return spelled


def to_powershell(entry: dict[str, Any]) -> Any:
    """A stored value as the .NET registry gives it."""
    kind, data = entry["type"], entry["data"]
    if kind == "DWord":
        number = int(data)
        return number - (1 << 32) if number >= 1 << 31 else number
    if kind == "QWord":
        number = int(data)
        return Int64(number - (1 << 64) if number >= 1 << 63 else number)
    if kind == "MultiString":
        return NetArray(list(data), "System.String")
    if kind == "Binary":
        return byte_array(bytes.fromhex(data))
    return str(data)


def from_powershell(data: Any, kind: str) -> Any:
    """What a script writes, as the kind stores it. Raises the provider's error when it cannot be converted."""
    try:
        if kind in ("DWord", "QWord"):
            limit = 32 if kind == "DWord" else 64
            number = int(data if not isinstance(data, str) else int(data, 0))
            number.to_bytes(limit // 8, "little", signed=number < 0)  # OverflowError when it does not fit
            return number % (1 << limit)
        if kind == "MultiString":
            return [text(item) for item in data] if isinstance(data, list | tuple) else [text(data)]
        if kind == "Binary":
            items = data if isinstance(data, list | tuple | bytes) else [data]
            return bytes(int(item) for item in items).hex()
    except (TypeError, ValueError, OverflowError):
        raise PowerShellError(
            "The type of the value object did not match the specified RegistryValueKind or the object could not be"
            " properly converted.",
            "System.ArgumentException",
            category="InvalidArgument",
            exception_type="System.ArgumentException",
        ) from None
    return text(data)


def _natural_kind(data: Any) -> str:
    """The kind that .NET chooses for a value whose kind nobody named."""
    if isinstance(data, bool) or data is None:
        return "String"
    if isinstance(data, int):
        return "String" if isinstance(data, Int64) or abs(data) >= 1 << 31 else "DWord"
    if isinstance(data, bytes):
        return "Binary"
    if isinstance(data, list) and data and all(isinstance(item, str) for item in data):
        return "MultiString"
    return "String"


def _error(message: str, error_id: str, category: str, exception: str, target: str) -> PowerShellError:
    return PowerShellError(message, error_id, category=category, exception_type=exception, target=target)


def _missing(path: str) -> PowerShellError:
    return _error(
        f"Cannot find path 'HKLM:\\{path}' because it does not exist.",
        "PathNotFound",
        "ObjectNotFound",
        "System.Management.Automation.ItemNotFoundException",
        f"HKLM:\\{path}",
    )


def writable(session: Session, path: str) -> None:
    """Refuse who may not write below HKEY_LOCAL_MACHINE."""
    if not session.identity.administrator:
        raise _error(
            "Requested registry access is not allowed.",
            "System.Security.SecurityException",
            "PermissionDenied",
            "System.Security.SecurityException",
            f"HKEY_LOCAL_MACHINE\\{path}",
        )


@drive("HKLM")
class LocalMachine(Drive):
    """``HKLM:\\…``; the path that arrives has no ``HKLM``."""

    @staticmethod
    def _key(path: str) -> str:
        return "HKLM\\" + path.strip("\\") if path.strip("\\") else "HKLM"

    def item(self, session: Session, path: str) -> PSObject | None:
        key = self._key(path)
        if key != "HKLM" and not exists(session.machine, key):
            return None
        return self._object(session.machine, _spelled(session.machine, key))

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        key = _spelled(session.machine, self._key(path))
        for child in subkeys(session.machine, key):
            yield self._object(session.machine, f"{key}\\{child}")

    def _object(self, machine: Machine, key: str) -> PSObject:
        full = "HKEY_LOCAL_MACHINE" + key[4:]
        parent, _, child = full.rpartition("\\")
        values = _values(machine, key)

        def get_value(name: str = "", default: Any = None, *_: Any) -> Any:
            found = next((entry for known, entry in values.items() if known.lower() == text(name).lower()), None)
            return to_powershell(found) if found else default

        def get_kind(name: str) -> str:
            found = next((entry for known, entry in values.items() if known.lower() == text(name).lower()), None)
            if found is None:
                raise PowerShellError(
                    "The specified registry key does not exist.",
                    "IOException",
                    exception_type="System.IO.IOException",
                )
            return str(found["type"])

        def refuse(*_: Any) -> None:
            raise PowerShellError(
                "Cannot write to the registry key.",
                "UnauthorizedAccessException",
                exception_type="System.UnauthorizedAccessException",
            )

        children = subkeys(machine, key)
        return PSObject(
            "Microsoft.Win32.RegistryKey",
            {
                "Name": full,
                "Property": NetArray(list(values), "System.String"),
                "SubKeyCount": len(children),
                "ValueCount": len(values),
                "PSPath": f"{PROVIDER}::{full}",
                "PSParentPath": f"{PROVIDER}::{parent}" if parent else "",
                "PSChildName": child,
                "PSIsContainer": True,
            },
            {
                "GetValue": get_value,
                "GetValueKind": get_kind,
                "GetValueNames": lambda: NetArray(list(values), "System.String"),
                "GetSubKeyNames": lambda: NetArray(children, "System.String"),
                "SetValue": refuse,
                "Close": lambda: None,
                "Dispose": lambda: None,
                "ToString": lambda: full,
            },
            text=full,
        )

    def properties(self, session: Session, path: str) -> PSObject | None:
        key = self._key(path)
        if key != "HKLM" and not exists(session.machine, key):
            return None
        full = "HKEY_LOCAL_MACHINE" + _spelled(session.machine, key)[4:]
        parent, _, child = full.rpartition("\\")
        found: dict[str, Any] = {}
        for name, entry in _values(session.machine, key).items():
            found[name or "(default)"] = to_powershell(entry)
        found |= {
            "PSPath": f"{PROVIDER}::{full}",
            "PSParentPath": f"{PROVIDER}::{parent}",
            "PSChildName": child,
        }
        return PSObject(properties=found)

    def set_property(self, session: Session, path: str, name: str, value: Any, kind: str | None) -> None:
        key = self._key(path)
        machine = session.machine
        writable(session, path)
        if not exists(machine, key):
            raise _missing(path)
        name = "" if name.lower() == "(default)" else name
        existing = next(
            (entry for known, entry in _values(machine, key).items() if known.lower() == name.lower()), None
        )
        if kind is None or kind.lower() == "unknown":
            chosen = existing["type"] if existing else _natural_kind(value)
        elif kind.lower() in KINDS:
            chosen = KINDS[kind.lower()]
        else:
            raise _error(
                f'Cannot convert value "{kind}" to type "Microsoft.Win32.RegistryValueKind".',
                "ParameterBindingFailed",
                "InvalidArgument",
                "System.Management.Automation.ParameterBindingException",
                kind,
            )
        write(machine, key, name, from_powershell(value, chosen), chosen)

    def remove_property(self, session: Session, path: str, name: str) -> None:
        key = self._key(path)
        writable(session, path)
        if not exists(session.machine, key):
            raise _missing(path)
        if not erase(session.machine, key, "" if name.lower() == "(default)" else name):
            raise _error(
                f"Property {name} does not exist at path HKEY_LOCAL_MACHINE\\{path}.",
                "System.Management.Automation.PSArgumentException",
                "InvalidArgument",
                "System.Management.Automation.PSArgumentException",
                name,
            )

    def new(self, session: Session, path: str, **options: Any) -> PSObject:
        """``force`` makes missing parents and empties a key that exists, as the provider does."""
        key, machine, force = self._key(path), session.machine, bool(options.get("force"))
        writable(session, path)
        parent = key.rpartition("\\")[0]
        with machine.world.lock:
            if exists(machine, key):
                if not force:
                    raise _error(
                        "A key in this path already exists.",
                        "System.IO.IOException",
                        "ResourceExists",
                        "System.IO.IOException",
                        f"HKLM:\\{path}",
                    )
                remove_key(machine, key)
            elif parent != "HKLM" and not exists(machine, parent) and not force:
                raise _error(
                    "The registry key at the specified path does not exist.",
                    "System.ArgumentException",
                    "InvalidArgument",
                    "System.ArgumentException",
                    f"HKLM:\\{path}",
                )
            if exists(machine, parent):
                key = f"{_spelled(machine, parent)}\\{key.rpartition(chr(92))[2]}"
            machine.collection("registry")[key] = {"values": {}}
        if options.get("value") is not None:
            self.set_property(session, path, "(default)", options["value"], None)
        return self._object(machine, key)

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        key = self._key(path)
        writable(session, path)
        if not exists(session.machine, key):
            raise _missing(path)
        if subkeys(session.machine, key) and not recurse:
            raise _error(
                f"The item at HKLM:\\{path} has children and the Recurse parameter was not specified. A non-interactive"
                " session cannot ask for confirmation.",
                "InvalidOperation",
                "InvalidOperation",
                "System.Management.Automation.PSInvalidOperationException",
                f"HKLM:\\{path}",
            )
        remove_key(session.machine, key)
        # A parent that existed only through this key goes on existing on Windows.
        parent = key.rpartition("\\")[0]
        if parent != "HKLM" and not exists(session.machine, parent):
            session.machine.collection("registry")[parent] = {"values": {}}
