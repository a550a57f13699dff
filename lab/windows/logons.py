"""Who a session is for another machine: the second hop, and the accounts that come with Windows.

A network log-on (WinRM with NTLM) holds no credentials that it could show to a third machine: there it is nobody.
SYSTEM shows the computer's own account. Source: Microsoft, "Making the second hop in PowerShell Remoting".
"""

from __future__ import annotations

from lab import routes
from lab.identity import UnknownAccountError, over_the_network
from lab.machines import is_reachable
from lab.powershell.api import Call, Session
from lab.world import Machine

ANONYMOUS = "NT AUTHORITY\\ANONYMOUS LOGON"


def is_system(user: str) -> bool:
    """Whether a name means the LocalSystem account, as the task scheduler and services accept it."""
    return user.lower() in ("system", "nt authority\\system", "localsystem", "s-1-5-18", ".\\localsystem")


def account_towards(session: Session, target: Machine) -> str:
    """The account that ``target`` sees when the session reaches it."""
    if target.name.lower() == session.machine.name.lower():
        return session.identity.user
    if session.logon == "network":
        return ANONYMOUS
    if session.logon == "service" and is_system(session.identity.user):
        return f"{session.machine.netbios}\\{session.machine.name}$"
    return session.identity.user


def managed(call: Call, name: str) -> Machine | None:
    """Another machine that a cmdlet reaches over DCOM; None where it does not answer, after the wait that it takes."""
    machine = routes.named(call.machine, name)
    if machine is None or not is_reachable(machine):
        return None
    if not routes.passes(call.machine, machine, *routes.MANAGEMENT):
        routes.time_out(machine.world)
        return None
    return machine


def administers(session: Session, target: Machine) -> bool:
    """Whether the session may administer ``target`` (WMI, RPC) from where it runs.

    Administrator rights come from the target's own group of administrators, not from the session's machine.
    """
    if target.name.lower() == session.machine.name.lower():
        return session.identity.administrator
    account = account_towards(session, target)
    if account == ANONYMOUS or account.endswith("$"):
        return False
    try:
        return over_the_network(target.world, session.machine, target, account).administrator
    except UnknownAccountError:
        return False
