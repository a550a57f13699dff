"""Connection strings: keywords with their synonyms, values, and SqlConnectionStringBuilder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lab.powershell.api import DotNet, HashTable, NotModelledError, Session, dotnet
from lab.sql.sqlclient import errors

_SYNONYMS = {
    "Data Source": ("data source", "server", "address", "addr", "network address"),
    "Initial Catalog": ("initial catalog", "database"),
    "Integrated Security": ("integrated security", "trusted_connection"),
    "User ID": ("user id", "uid", "user"),
    "Password": ("password", "pwd"),
    "Application Name": ("application name", "app"),
    "Connect Timeout": ("connect timeout", "connection timeout", "timeout"),
    "Encrypt": ("encrypt",),
    "TrustServerCertificate": ("trustservercertificate",),
    "MultipleActiveResultSets": ("multipleactiveresultsets",),
    "MultiSubnetFailover": ("multisubnetfailover",),
    "ApplicationIntent": ("applicationintent",),
    "Persist Security Info": ("persist security info", "persistsecurityinfo"),
    "Pooling": ("pooling",),
    "Max Pool Size": ("max pool size",),
    "Min Pool Size": ("min pool size",),
    "Packet Size": ("packet size",),
    "Workstation ID": ("workstation id", "wsid"),
    "Network Library": ("network library", "network", "net"),
    "Current Language": ("current language", "language"),
    "Enlist": ("enlist",),
}
KEYWORDS = {written: name for name, all_written in _SYNONYMS.items() for written in all_written}
_REFUSED = {
    "attachdbfilename",
    "failover partner",
    "user instance",
    "context connection",
    "replication",
    "initial file name",
}
_PAIR = re.compile(r"\s*((?:[^=;]|==)+?)\s*=\s*(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[^;]*?)\s*(?:;|$)")
_TRUE, _FALSE = {"true", "yes", "sspi"}, {"false", "no"}


def keyword(written: str) -> str:
    """The keyword's proper name. Raises ArgumentException for an unknown one, as .NET does."""
    lower = written.strip().lower()
    if lower in _REFUSED:
        raise NotModelledError(f"{written} in a connection string")
    if lower not in KEYWORDS:
        raise errors.argument(f"Keyword not supported: '{lower}'.")
    return KEYWORDS[lower]


def parse(text: str) -> dict[str, str]:
    """Proper keyword → value. Of a repeated keyword the last one counts."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text) and text[position:].strip(" ;"):
        while text[position] in " ;\t\r\n":
            position += 1
        match = _PAIR.match(text, position)
        if match is None:
            message = "Format of the initialization string does not conform to specification starting at index"
            raise errors.argument(f"{message} {position}.")
        value = match[2]
        if value[:1] in {'"', "'"} and len(value) >= 2:
            value = value[1:-1].replace(value[0] * 2, value[0])
        found[keyword(match[1].replace("==", "="))] = value
        position = match.end()
    return found


@dataclass(frozen=True)
class Settings:
    """What a connection needs of its string."""

    server: str
    database: str
    integrated: bool
    user: str
    password: str = field(repr=False)
    program: str
    timeout_seconds: int


def settings(text: str) -> Settings:
    """Raises ArgumentException for values that are none."""
    values = parse(text)
    timeout = values.get("Connect Timeout", "15")
    if not timeout.isdigit():
        raise errors.argument("Invalid value for key 'connect timeout'.")
    for name in ("Encrypt", "TrustServerCertificate", "MultipleActiveResultSets", "Pooling"):
        _boolean(values.get(name, "false"), name)
    if values.get("ApplicationIntent", "ReadWrite").lower() == "readonly":
        raise NotModelledError("read-only routing (ApplicationIntent=ReadOnly)")
    return Settings(
        server=values.get("Data Source", ""),
        database=values.get("Initial Catalog", ""),
        integrated=_boolean(values.get("Integrated Security", "false"), "Integrated Security"),
        user=values.get("User ID", ""),
        password=values.get("Password", ""),
        program=values.get("Application Name", ".Net SqlClient Data Provider"),
        timeout_seconds=int(timeout),
    )


def _boolean(text: str, name: str) -> bool:
    lower = text.strip().lower()
    if lower not in _TRUE | _FALSE:
        raise errors.argument(f"Invalid value for key '{name.lower()}'.")
    return lower in _TRUE


def without_password(text: str) -> str:
    """What ConnectionString gives once the connection was opened: the password is gone (Persist Security Info)."""
    values = parse(text)
    if _boolean(values.get("Persist Security Info", "false"), "Persist Security Info"):
        return text
    values.pop("Password", None)
    return join(values)


def join(values: dict[str, str]) -> str:
    return ";".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: str) -> str:
    if not value or not re.search(r"[;\"'=]|^\s|\s$", value):
        return value
    return f'"{value}"' if '"' not in value else "'" + value.replace("'", "''") + "'"


class Builder(HashTable):
    """A dictionary by keyword. PowerShell sets a dictionary's *items* with a dot, so ``$b.DataSource = 'x'`` fails as
    on the real thing (the keyword is "Data Source"); ``$b['Data Source'] = 'x'`` works."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.type_name = "System.Data.SqlClient.SqlConnectionStringBuilder"
        for name, value in parse(text).items():
            self[name] = value

    def __getitem__(self, key: Any) -> Any:
        if str(key).lower() == "connectionstring":  # the one property that is no keyword: the evaluator asks here first
            return self.text or ""
        name = keyword(str(key))
        return super().__getitem__(name) if name in self else ""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(keyword(str(key)), str(value))
        self.text = join({str(name): str(item) for name, item in self.items()})
        self.properties["ConnectionString"] = self.text

    def __contains__(self, key: Any) -> bool:
        return (
            KEYWORDS.get(str(key).strip().lower(), "").lower() in self._pairs or str(key).lower() == "connectionstring"
        )


@dotnet("System.Data.SqlClient.SqlConnectionStringBuilder")
class SqlConnectionStringBuilder(DotNet):
    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        return Builder(str(arguments[0]) if arguments else "")
