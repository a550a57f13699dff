"""Arguments of the product's cmdlets as plain text, and wildcard matching of names."""

from __future__ import annotations

import fnmatch
from typing import Any

from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, SecureString
from lab.wap.catalogue import NAMESPACES
from lab.wap.database import Target, parse


def text(call: Call, name: str) -> str | None:
    """A parameter as text (a String, a Uri, a Guid); None when it was not given or is $null."""
    value = call.get(name)
    if value is None:
        return None
    if isinstance(value, PSObject) and value.get("OriginalString") is not None:
        return str(value.get("OriginalString"))
    return value if isinstance(value, str) else call.runtime.text(value)


def texts(call: Call, name: str) -> list[str]:
    value = call.get(name)
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else call.runtime.text(item) for item in items]


def credential(value: Any) -> tuple[str, str]:
    """User name and password of a PSCredential."""
    password = value.get("Password")
    return str(value.get("UserName")), password.text if isinstance(password, SecureString) else str(password or "")


def matches(name: str, patterns: list[str]) -> bool:
    """Whether a name fits one of the patterns (``*`` and ``?``), without case; no pattern fits everything."""
    return not patterns or any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def target(call: Call, default: str = "", *, connection: str = "ConnectionString") -> Target:
    """Where a configuration cmdlet connects to: the connection string goes before the single parameters.

    Without -Server it is the local computer, without -UserName integrated security (both documented).
    """
    given = text(call, connection)
    if given:
        found = parse(given)
        return found if found.database else found.at(default)
    user = text(call, "UserName")
    return Target(
        server=text(call, "Server") or "localhost",
        database=text(call, "Database") or default,
        user=user,
        password=(text(call, "Password") or "") if user is not None else None,
    )


def namespace(name: str) -> str:
    """The namespace as the product writes it. Raises PowerShellError for an unknown one."""
    for known in NAMESPACES:
        if known.lower() == name.lower():
            return known
    raise PowerShellError(
        f"The namespace '{name}' is not valid. Valid namespaces are: {', '.join(NAMESPACES)}.",
        "InvalidNamespace",
        category="InvalidArgument",
        exception_type="System.ArgumentException",
        target=name,
    )


def what_if(call: Call) -> bool:
    return bool(call.get("WhatIf"))


def refuse(call: Call, *names: str) -> None:
    """Parameters that the real cmdlet knows and the lab does not. Raises NotModelledError when one was given."""
    for name in names:
        if call.get(name):
            raise NotModelledError(f"{call.name} -{name}")
