"""What may differ on the machines after ``up`` and ``destroy``, each with its reason (README, "What destroy does")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components.topology import Topology
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


Roles = Mapping[str, frozenset[str]]
"""Owner of documents, in lower case -> what it is in the farm: portal, spf, sql, primary, file or group."""


def roles(topology: Topology) -> Roles:
    """Which roles the owners of the lab's documents have in a design. ``primary`` is the preferred one."""
    machines = {
        "portal": topology.portal.nodes,
        "spf": topology.spf.servers,
        "sql": [replica.machine for replica in topology.replicas],
        "primary": [topology.preferred_primary.machine],
        "file": [file_server(topology)],
        "group": [f"ag:{topology.sql.group}"],
    }
    owners = {name.lower() for names in machines.values() for name in names}
    return {
        owner: frozenset(role for role, names in machines.items() if owner in [name.lower() for name in names])
        for owner in owners
    }


def file_server(topology: Topology) -> str:
    """The machine that has the share for backups."""
    return topology.sql.backup_share.strip("\\").split("\\")[0]


@dataclass(frozen=True)
class Allowed:
    """Differences on a machine of one of these roles that match the three patterns, and why they may be."""

    role: str
    """One of the roles, or several with ``|`` between them."""
    kind: str
    name: str
    how: str
    reason: str

    def covers(self, one: Difference, known: Roles) -> bool:
        pairs = ((self.kind, one.kind), (self.name, one.name), (self.how, one.how))
        has_role = known.get(one.owner, frozenset()).intersection(self.role.split("|"))
        return bool(has_role) and all(re.fullmatch(pattern, text) for pattern, text in pairs)


def unexpected(found: Iterable[Difference], topology: Topology) -> list[str]:
    """Those of the differences that nothing allows."""
    known = roles(topology)
    return [str(one) for one in found if not any(rule.covers(one, known) for rule in ALLOWED)]


def unexpected_files(found: Iterable[str], topology: Topology) -> set[str]:
    """Those of the files that may not be left: not a backup on the share, and not brought by IIS."""
    share = topology.sql.backup_share.strip("\\").split("\\")[1]
    portals = "|".join(re.escape(name.lower()) for name in topology.portal.nodes)
    allowed = re.compile(
        rf"{re.escape(file_server(topology).lower())}/C/Shares/{re.escape(share)}/"
        r"Microsoft\.MgmtSvc\.\w+(_seed\.(bak|trn)|_\d{8}T\d{6}\.bak)"
        rf"|({portals})/C/inetpub(/wwwroot)?"
    )
    return {name for name in found if not allowed.fullmatch(name)}


_LOGINS = r"(mgmtsvc-.*|(admin|auth|tenant)sitenotificationserviceuser)"
_FEATURES = (
    r"(web-(asp-net45|basic-auth|default-doc|dyn-compression|filtering|isapi-ext|isapi-filter|metabase|mgmt-console"
    r"|net-ext45|stat-compression|static-content|webserver|windows-auth)|net-framework-45-aspnet)"
)

ALLOWED = (
    # SQL Server: databases and logins are data, settings stay.
    Allowed("primary", "sql-database", r"microsoft\.mgmtsvc\..*", "new", "databases are never dropped unasked"),
    Allowed("sql", "sql-login", _LOGINS, "new", "logins are never dropped unasked"),
    Allowed("sql", "sql-permission", r"100:0:\d+:connect sql", "new", "the right to connect comes with a login"),
    Allowed("sql", "sql-login", "sa", "hash,modified,password_set", "the password of sa stays, disabled again"),
    Allowed("sql", "sql-instance", r"\w+", "mixed,started", "the authentication mode stays"),
    Allowed("sql", "registry", r".*\\mssqlserver", "values", "the authentication mode stays"),
    Allowed("group", "group", "group", "announced,primary,role_since", "the primary stays where it is"),
    Allowed("group", "link", r"[^/]+/(scspfdb|virtualmanagerdb)", "new|gone|since", "the links run from the primary"),
    # What Windows and SQL Server write down by themselves.
    Allowed("sql|portal", "event", r"\d+", "new", "event logs"),
    Allowed("sql", "sql-errorlog", r"\d+", "new", "SQL Server's log"),
    Allowed("sql", "sql-(backupset|backupmedia|restorehistory)", r"\d+", "new", "histories in msdb"),
    Allowed("sql", "sql-counter", ".*", "new|last", "numbers that were given out are not given again"),
    Allowed("portal|spf", "account", "administrator|guest", "password_set", "when the lab first looked"),
    Allowed("portal", "power", "state", "booted", "restarts that installations asked for"),
    # What the portal's installer and NLB's feature bring to Windows.
    Allowed("portal", "feature", _FEATURES, "new", "roles that the portal's installer brought"),
    Allowed("portal", "feature", "rsat(-feature-tools|-nlb)?", "new", "the management tools of NLB"),
    Allowed("portal", "feature", "nlb", "new", "removed again (a document that says so)"),
    Allowed("portal", "registry", r".*\\rebootpending", "new", "Windows finishes the removal of NLB at a restart"),
    Allowed("portal", "firewall", r"iis-webserverrole-https?-in-tcp", "new", "IIS came with the portal's installer"),
    Allowed("portal", "service", "w3svc|was", "new", "IIS came with the portal's installer"),
    Allowed("portal", "site", "default web site", "new", "IIS came with the portal's installer"),
    Allowed("portal", "apppool", "defaultapppool", "new", "IIS came with the portal's installer"),
)
