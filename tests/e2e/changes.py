"""What may differ on the machines after ``up`` and ``destroy``, each with its reason (README, "What destroy does")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.lab_state import Documents


@dataclass(frozen=True)
class Difference:
    owner: str
    kind: str
    name: str
    how: str
    """new, gone, or the names of the keys that changed."""

    def __str__(self) -> str:
        return f"{self.owner} {self.kind} {self.name}: {self.how}"


def differences(before: Documents, after: Documents) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None:
            yield Difference(*key, "new")
        elif new is None:
            yield Difference(*key, "gone")
        elif old != new:
            changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            yield Difference(*key, ",".join(changed))


@dataclass(frozen=True)
class Allowed:
    """Differences that match all four patterns, and why they may be."""

    owner: str
    kind: str
    name: str
    how: str
    reason: str

    def covers(self, one: Difference) -> bool:
        pairs = ((self.owner, one.owner), (self.kind, one.kind), (self.name, one.name), (self.how, one.how))
        return all(re.fullmatch(pattern, text) for pattern, text in pairs)


_LOGINS = r"(mgmtsvc-.*|(admin|auth|tenant)sitenotificationserviceuser)"
_FEATURES = (
    r"(web-(asp-net45|basic-auth|default-doc|dyn-compression|filtering|isapi-ext|isapi-filter|metabase|mgmt-console"
    r"|net-ext45|stat-compression|static-content|webserver|windows-auth)|net-framework-45-aspnet)"
)

ALLOWED = (
    # SQL Server: databases and logins are data, settings stay.
    Allowed("sql1", "sql-database", r"microsoft\.mgmtsvc\..*", "new", "databases are never dropped unasked"),
    Allowed("sql[12]", "sql-login", _LOGINS, "new", "logins are never dropped unasked"),
    Allowed("sql[12]", "sql-permission", r"100:0:\d+:connect sql", "new", "the right to connect comes with a login"),
    Allowed("sql[12]", "sql-login", "sa", "hash,modified,password_set", "the password of sa stays, disabled again"),
    Allowed("sql[12]", "sql-instance", "mssqlserver", "mixed,started", "the authentication mode stays"),
    Allowed("sql[12]", "registry", r".*\\mssqlserver", "values", "the authentication mode stays"),
    Allowed("ag:sql", "group", "group", "announced,primary,role_since", "the primary stays where it is"),
    Allowed("ag:sql", "link", "sql[12]/(scspfdb|virtualmanagerdb)", "new|gone", "the links run from the primary"),
    # What Windows and SQL Server write down by themselves.
    Allowed("(sql|portal)[12]", "event", r"\d+", "new", "event logs"),
    Allowed("sql[12]", "sql-errorlog", r"\d+", "new", "SQL Server's log"),
    Allowed("sql[12]", "sql-(backupset|backupmedia|restorehistory)", r"\d+", "new", "histories in msdb"),
    Allowed("sql[12]", "sql-counter", ".*", "new|last", "numbers that were given out are not given again"),
    Allowed("(portal|spf)[12]", "account", "administrator|guest", "password_set", "when the lab first looked"),
    Allowed("portal[12]", "power", "state", "booted", "restarts that installations asked for"),
    # What the portal's installer and NLB's feature bring to Windows.
    Allowed("portal[12]", "feature", _FEATURES, "new", "roles that the portal's installer brought"),
    Allowed("portal[12]", "feature", "rsat(-feature-tools|-nlb)?", "new", "the management tools of NLB"),
    Allowed("portal[12]", "feature", "nlb", "new", "removed again (a document that says so)"),
    Allowed("portal[12]", "registry", r".*\\rebootpending", "new", "Windows finishes the removal of NLB at a restart"),
    Allowed("portal[12]", "service", "w3svc|was", "new", "IIS came with the portal's installer"),
    Allowed("portal[12]", "site", "default web site", "new", "IIS came with the portal's installer"),
    Allowed("portal[12]", "apppool", "defaultapppool", "new", "IIS came with the portal's installer"),
)

ALLOWED_FILES = re.compile(
    r"file/C/Shares/SQLAG/Microsoft\.MgmtSvc\.\w+(_seed\.(bak|trn)|_\d{8}T\d{6}\.bak)|portal[12]/C/inetpub(/wwwroot)?"
)
"""Backups on the share stay; IIS came with the portal's installer."""
