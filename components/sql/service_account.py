r"""The Windows account as which a SQL Server meets other machines.

A service has the name of its account in the form in which an administrator gave it: ``DOMAIN\name``,
``full.domain\name``, ``name@full.domain``, ``.\name``, a virtual account, a built-in one in the language of Windows. So
SQL Server resolves it to its SID there, and nothing else is compared. ``SUSER_SID(…, 0)`` does not demand the form
``DOMAIN\name`` (SQL Server documentation, SUSER_SID: Param2; that it takes every form that LookupAccountName takes is
unproven). On the network LocalSystem, Network Service and virtual accounts are the computer's account; Local Service
and local accounts have no identity there (Microsoft, "Configure Windows Service Accounts and Permissions").
"""

from __future__ import annotations

from dataclasses import dataclass

from components.steps import load_script
from remote.errors import MachineError
from remote.names import folded, same
from remote.session import Remote

_SYSTEM, _LOCAL_SERVICE, _NETWORK_SERVICE, _VIRTUAL = "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-80-"
_BUILT_IN = {
    "localsystem": _SYSTEM,
    "nt authority\\system": _SYSTEM,
    "nt authority\\localservice": _LOCAL_SERVICE,
    "nt authority\\networkservice": _NETWORK_SERVICE,
}
"""Names that a service may have for accounts in every language of Windows; LookupAccountName knows not all of them."""
_ATTEMPTED = "read the account that SQL Server runs as"


@dataclass(frozen=True)
class NetworkAccount:
    """``name`` and ``sid`` (``0x…``) are empty for an account without an identity on the network."""

    given: str
    """As the service has it."""
    name: str = ""
    r"""``DOMAIN\name``."""
    sid: str = ""


def network_account(remote: Remote, machine: str, computer: str) -> NetworkAccount:
    r"""Of the SQL Server on a machine. ``computer`` is the machine's own account, ``DOMAIN\NAME$``. Raises
    ``MachineError`` where Windows does not know the account."""
    rows = remote.sql(machine).rows(load_script("sql/read_service_account.sql"), computer, attempted=_ATTEMPTED)
    if not rows:
        raise MachineError(
            machine,
            _ATTEMPTED,
            "sys.dm_server_services does not show this instance",
            "Install Service Pack 1 of SQL Server 2012.",
        )
    row = rows[0]
    given, name, sid = str(row["account"]), str(row["name"] or ""), str(row["sid"] or "")
    kind = _BUILT_IN.get(folded(given)) or (_text_form(sid) if sid else "")
    if kind in (_SYSTEM, _NETWORK_SERVICE) or kind.startswith(_VIRTUAL):
        return NetworkAccount(given, computer, _known(row["computer_sid"], computer, machine))
    local = given.startswith(".\\") or same(name.partition("\\")[0], machine)
    if local or kind == _LOCAL_SERVICE:
        return NetworkAccount(given)
    return NetworkAccount(given, name, _known(sid, given, machine))


def _known(sid: str | None, account: str, machine: str) -> str:
    if not sid:
        raise MachineError(
            machine,
            _ATTEMPTED,
            f"Windows there does not know the account {account}",
            "See that the account exists and that a domain controller answers, then run `pulumi up` again.",
        )
    return sid


def _text_form(sid: str) -> str:
    """``S-1-5-…`` of ``0x…`` (MS-DTYP 2.4.2)."""
    value = bytes.fromhex(sid.removeprefix("0x"))
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(["S", str(value[0]), str(int.from_bytes(value[2:8], "big")), *(str(part) for part in parts)])
