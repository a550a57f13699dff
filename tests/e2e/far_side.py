"""Everything that the machines of a lab hold, in a form that two moments can be compared in.

Read from the lab's own state, so that nothing a drift or a repair touches can go unseen. Left out is what no repair
can bring back: moments, the numbers of things that were recreated, histories.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.testing import snapshot as lab_snapshot
from tests.e2e.farm import SECRETS

HISTORIES = frozenset(
    {"event", "sql-errorlog", "sql-backupset", "sql-backupmedia", "sql-restorehistory", "sql-counter", "power", "lab"}
)
MOMENTS = frozenset(
    {
        "modified",
        "created",
        "since",
        "started",
        "converged_at",
        "password_set",
        "time",
        "installed",
        "bad_password_time",
    }
)
NUMBERS = frozenset({"restored_lsn", "id", "file", "group_database", "family", "grantee_id", "grantor_id", "member_id"})

Snapshot = dict[str, Any]


def snapshot(folder: Path) -> Snapshot:
    """``owner/kind/name`` → what exists."""
    known = lab_snapshot.documents(folder)
    documents = {key: document for key, document in known.items() if key[1] not in HISTORIES}
    return {f"{o}/{k}/{_name(documents, o, k, n)}": _plain(documents, o, k, n) for o, k, n in documents}


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    return [
        f"{name}: {_short(before.get(name, 'nothing'))} -> {_short(after.get(name, 'nothing'))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _short(value: Any) -> str:
    return str(value)[:1000]


Documents = dict[tuple[str, str, str], Any]


def _plain(documents: Documents, owner: str, kind: str, name: str) -> Any:
    document = dict(documents[owner, kind, name])
    if kind == "sql-login" and document.get("hash"):
        document["hash"] = _whose(documents, document)
    if kind == "registry":
        # Whether an account's password is ours is kept beside it with the moment it was set.
        document = {"values": sorted(document["values"])} if "WindowsAzurePackHA" in name else document
    return _timeless(document)


def _whose(documents: Documents, login: dict[str, Any]) -> str:
    if login["name"] == "sa":
        ours = lab_snapshot.is_password(SECRETS["sqlAdministratorPassword"], login)
        return "the administrator's password" if ours else "another password"
    first = documents.get(("sql1", "sql-login", login["name"])) or {}
    return "as on SQL1" if first.get("hash") == login["hash"] else "another hash"


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _timeless(one) for key, one in value.items() if key not in MOMENTS | NUMBERS}
        kept |= {key: f"({len(str(kept[key]))} characters)" for key in ("pem", "key_pem") if kept.get(key)}
        # The lab writes some properties only when they are first set.
        return {key: one for key, one in kept.items() if one is not None and one is not False}
    if isinstance(value, list):
        return sorted((_timeless(one) for one in value), key=str)  # none of the lab's lists has an order
    return value


def _name(documents: Documents, owner: str, kind: str, name: str) -> str:
    """Memberships and permissions are kept by the number of the login, which a recreated one does not have."""
    if kind not in ("sql-permission", "sql-server-role-member"):
        return name
    document = documents[owner, kind, name]
    number = document.get("grantee_id", document.get("member_id"))
    logins = {d["id"]: d["name"] for (o, k, _), d in documents.items() if (o, k) == (owner, "sql-login")}
    what = document.get("permission") or document.get("role_id")
    return f"{logins.get(number, number)}/{what}/{document.get('major', '')}"
