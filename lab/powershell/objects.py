"""Objects of .NET that are more than a value: StringBuilder, Uri, credentials, the views ``.PSObject`` gives."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from lab.powershell.api import Int64, PowerShellError, PSObject, SecureString
from lab.powershell.convert import to_text
from lab.powershell.numeric import to_whole
from lab.powershell.values import NetException, NetList


def make_builder(*arguments: Any) -> PSObject:
    """A System.Text.StringBuilder."""
    text = [to_text(arguments[0]) if arguments and isinstance(arguments[0], str) else ""]

    class Builder(PSObject):
        """Its properties follow its text."""

    made = Builder("System.Text.StringBuilder")

    def append(*parts: Any) -> PSObject:
        text.append(to_text(parts[0]) * (to_whole(parts[1], "Int32") if len(parts) > 1 else 1))
        return refresh()

    def append_line(*parts: Any) -> PSObject:
        text.append((to_text(parts[0]) if parts else "") + "\r\n")
        return refresh()

    def append_format(template: Any, *values: Any) -> PSObject:
        from lab.powershell.formatting import composite

        text.append(
            composite(to_text(template), values[0] if len(values) == 1 and isinstance(values[0], list) else values)
        )
        return refresh()

    def edit(change: Any) -> PSObject:
        joined = "".join(text)
        text[:] = [change(joined)]
        return refresh()

    def refresh() -> PSObject:
        made.properties["Length"] = sum(map(len, text))
        return made

    def content(*span: Any) -> str:
        joined = "".join(text)
        return joined[span[0] : span[0] + span[1]] if span else joined

    made.methods = {
        "append": append,
        "appendline": append_line,
        "appendformat": append_format,
        "clear": lambda: edit(lambda _: ""),
        "insert": lambda at, part: edit(lambda old: old[:at] + to_text(part) + old[at:]),
        "remove": lambda at, count: edit(lambda old: old[:at] + old[at + count :]),
        "replace": lambda old, new: edit(lambda whole: whole.replace(to_text(old), to_text(new))),
        "tostring": content,
    }
    return refresh()


def make_uri(text: str) -> PSObject:
    """A System.Uri. Raises the error of an address that is none."""
    parts = urlsplit(text.strip())
    if not parts.scheme or (parts.scheme in ("http", "https", "ftp") and not parts.hostname):
        why = "Invalid URI: The format of the URI could not be determined."
        raise PowerShellError(
            f'Cannot convert value "{text}" to type "System.Uri". Error: "{why}"',
            "InvalidCastConstructorException",
            category="InvalidArgument",
            exception_type="System.Management.Automation.PSInvalidCastException",
            inner=PowerShellError(why, "UriFormatException", exception_type="System.UriFormatException"),
        )
    usual = {"http": 80, "https": 443, "ftp": 21}.get(parts.scheme, -1)
    port = parts.port if parts.port is not None else usual
    host = parts.hostname or ""
    path = parts.path or "/"
    authority = host if port == usual else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    absolute = f"{parts.scheme}://{authority}{path}{query}{fragment}" if parts.netloc else text.strip()
    return PSObject(
        "System.Uri",
        {
            "AbsolutePath": path,
            "AbsoluteUri": absolute,
            "Authority": authority,
            "Host": host,
            "DnsSafeHost": host,
            "Port": port,
            "IsDefaultPort": port == usual,
            "IsAbsoluteUri": True,
            "PathAndQuery": path + query,
            "Query": query,
            "Fragment": fragment,
            "Scheme": parts.scheme,
            "OriginalString": text,
            "LocalPath": path,
            "UserInfo": parts.username or "",
        },
        text=absolute,
    )


def make_network_credential(user: Any = "", password: Any = "", domain: Any = "") -> PSObject:
    """A System.Net.NetworkCredential."""
    secret = password.text if isinstance(password, SecureString) else to_text(password)
    return PSObject(
        "System.Net.NetworkCredential",
        {
            "UserName": to_text(user),
            "Password": secret,
            "SecurePassword": SecureString(secret),
            "Domain": to_text(domain),
        },
    )


def make_credential(user: Any, password: Any) -> PSObject:
    """A PSCredential."""
    if not isinstance(password, SecureString):
        raise PowerShellError(
            'Cannot find an overload for "PSCredential" and the argument count: "2".',
            "ConstructorInvokedThrowException,Microsoft.PowerShell.Commands.NewObjectCommand",
            category="InvalidOperation",
            exception_type="System.Management.Automation.MethodException",
        )
    name = to_text(user)
    if not name:
        raise PowerShellError(
            'Cannot process argument because the value of argument "userName" is not valid. Change the value of the '
            '"userName" argument and run the operation again.',
            "Argument",
            category="InvalidArgument",
            exception_type="System.Management.Automation.PSArgumentException",
        )

    def network() -> PSObject:
        domain, backslash, user_name = name.partition("\\")
        return make_network_credential(user_name if backslash else name, password, domain if backslash else "")

    return PSObject(
        "System.Management.Automation.PSCredential",
        {"UserName": name, "Password": password},
        {"getnetworkcredential": network},
    )


def make_stopwatch() -> PSObject:
    """A running System.Diagnostics.Stopwatch."""
    started, stopped = time.monotonic(), [0.0]

    class Watch(PSObject):
        def get(self, name: str, default: Any = None) -> Any:
            passed = (stopped[0] or time.monotonic()) - started
            known: dict[str, Any] = {
                "elapsed": timedelta(seconds=passed),
                "elapsedmilliseconds": Int64(int(passed * 1000)),
                "elapsedticks": Int64(int(passed * 10_000_000)),
                "isrunning": not stopped[0],
            }
            return known.get(name.lower(), default)

    made = Watch(
        "System.Diagnostics.Stopwatch", dict.fromkeys(("Elapsed", "ElapsedMilliseconds", "ElapsedTicks", "IsRunning"))
    )
    made.methods = {"stop": lambda: stopped.__setitem__(0, time.monotonic())}
    return made


def property_view(name: str, value: Any, kind: str = "NoteProperty", net_type: str = "") -> PSObject:
    """One entry of ``$object.PSObject.Properties``."""
    return PSObject(
        f"System.Management.Automation.PS{kind}",
        {
            "MemberType": kind,
            "IsSettable": True,
            "IsGettable": True,
            "Value": value,
            "TypeNameOfValue": net_type,
            "Name": name,
            "IsInstance": True,
        },
        text=f"{name}={to_text(value)}",
    )


class PropertyList(NetList):
    """``PSObject.Properties``: a list that is also indexed by name."""

    def __init__(self, owner: Any, names: list[str], read: Any) -> None:
        from lab.powershell.values import type_name

        kind = "NoteProperty" if isinstance(owner, PSObject) else "Property"
        views = []
        for name in names:
            value = read(name)
            views.append(property_view(name, value, kind, type_name(value) if value is not None else "System.Object"))
        super().__init__(views, "System.Management.Automation.PSMemberInfoIntegratingCollection`1")
        self.owner = owner

    def named(self, name: str) -> PSObject | None:
        return next((view for view in self if view.properties["Name"].lower() == name.lower()), None)


def exception_view(error: NetException) -> dict[str, Any]:
    """The properties of an exception object."""
    return {
        "Message": error.message,
        "InnerException": error.inner,
        "StackTrace": None,
        "Source": None,
        "HResult": error.data.get("HResult", -2146233088),
        "Data": None,
        "HelpLink": None,
        "TargetSite": None,
        **({"ErrorRecord": error.record} if error.record is not None else {}),
        **error.data,
    }
