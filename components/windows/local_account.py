"""Guarantees a local account on one server: its password, no expiry of either, not locked out, in its groups.

Servers behind one name have one each, with the same password: a server that comes or goes touches no other.

The password is verified without a log-on: when it is set, the machine keeps a mark that fits this password and the
moment it was set (to the second before or after). A mark that does not fit means that another program or administrator
set another one. The mark is an HMAC with a random key that only the state has: users of the server can read the mark,
and try no password on it. Groups must be there already (the installer of Service Provider Foundation makes them); other
members and other groups of the account are left alone. Delete removes the account.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from components.resource import MASKED_DIFFERENCE, Adoptable, FarmResource, Keyed, ReplaceOn, WithOrphan
from components.steps import Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote

NEVER = "never"


class LocalAccountInputs(Keyed):
    machine: Annotated[str, ReplaceOn()]
    """The server, by its name in the topology."""
    account: Annotated[str, ReplaceOn()]
    """Its name on the server, without domain; at most 20 characters."""
    password: Secret
    """Its password, in clear only on the wire."""
    groups: tuple[str, ...]
    """The local groups it has to be in; others stay."""
    description: str = ""
    """What Windows shows beside it."""
    never_expires: bool = True
    """Whether its password never expires."""
    enabled: bool = True
    """Whether it may log on; a disabled one is enabled."""
    expires: str = NEVER
    """When the account itself expires (UTC)."""
    locked: bool = False
    """Whether it is locked out after wrong passwords."""


@dataclass(frozen=True)
class AccountState:
    password_is_ours: bool
    """Whether the server's mark fits the declared password and the time when it was last set."""
    never_expires: bool
    """``PasswordNeverExpires``: about the password, not the account."""
    enabled: bool
    """``Enabled``; a locked account may be enabled."""
    description: str
    """As Windows shows it in Local Users and Groups; empty: none."""
    groups: frozenset[str]
    """Lower-case names of the groups it is in."""
    locked: bool = False
    """``IsAccountLockedOut()``: after wrong passwords, until Windows or an administrator unlocks it."""
    expires: str = NEVER
    """``AccountExpirationDate`` (UTC), or ``never``."""


@dataclass(frozen=True)
class LocalAccountFacts:
    account: AccountState | None
    """None: the server has no account of this name."""
    groups: frozenset[str]
    """Lower-case names of all local groups of the server."""
    mark: Secret
    """The mark that would fit the declared password on this server."""
    marked: bool = False
    """Whether the server keeps a mark, fitting or not."""


def mark(key: Secret, account: str, password: Secret) -> Secret:
    """What a machine keeps beside an account to recognise the password this program gave it."""
    text = f"{folded(account)}\0{password.reveal()}"
    return Secret(hmac.new(key.reveal().encode(), text.encode(), hashlib.sha256).hexdigest())


def _fits(kept: str, mark: Secret, password_set: str) -> bool:
    """Whether what a machine keeps is this mark, made when the password was set. Windows works that time out from an
    age in whole seconds at each read, so that it moves by up to a second."""
    fingerprint, _, made = kept.rpartition("@")
    if not (made and password_set and hmac.compare_digest(fingerprint.encode(), mark.reveal().encode())):
        return False
    try:
        apart = datetime.fromisoformat(password_set) - datetime.fromisoformat(made)
    except ValueError:  # something else keeps its text there
        return False
    return abs(apart) <= timedelta(seconds=1)


class LocalAccountResource(
    Adoptable[LocalAccountInputs, LocalAccountFacts], WithOrphan[LocalAccountInputs, LocalAccountFacts]
):
    def display_name(self, inputs: LocalAccountInputs) -> str:
        return f"the local account {inputs.account}"

    def resource_id(self, inputs: LocalAccountInputs) -> str:
        return f"{inputs.machine}/local-account/{inputs.account}".lower()

    def observe(self, inputs: LocalAccountInputs, remote: Remote) -> LocalAccountFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("windows/read_account.ps1"),
            {"Name": inputs.account},
            attempted=f"read {self.display_name(inputs)}",
        )[0]
        ours = mark(inputs.key, inputs.account, inputs.password)
        account = None
        if state["exists"]:
            account = AccountState(
                password_is_ours=_fits(state["mark"], ours, state["passwordSet"]),
                never_expires=state["neverExpires"],
                enabled=not state["disabled"],
                description=state["description"],
                groups=frozenset(folded(name) for name in state["memberOf"]),
                locked=state["locked"],
                expires=state["expires"] or NEVER,
            )
        groups = frozenset(folded(name) for name in state["groups"])
        return LocalAccountFacts(account, groups, ours, marked=bool(state["mark"]))

    def plan(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> list[Step]:
        machine, name, have = inputs.machine, inputs.account, facts.account
        if missing := [group for group in inputs.groups if folded(group) not in facts.groups]:
            raise MachineError(
                machine,
                f"create {self.display_name(inputs)}",
                f"there is no local group {', '.join(missing)}",
                "Install Service Provider Foundation there first, or correct `spf.groups`.",
            )
        steps = []
        set_password = {"Name": name, "Password": inputs.password, "Mark": facts.mark}
        if have is None:
            what = f"On {machine}, create the local account {name}."
            steps.append(Step(what, Script(machine, "windows/create_account.ps1", set_password)))
        elif not have.password_is_ours:
            what = f"On {machine}, set the password of the local account {name}."
            steps.append(Step(what, Script(machine, "windows/set_account_password.ps1", set_password)))
        if have is None or (have.never_expires, have.enabled, have.description, have.expires) != (
            inputs.never_expires,
            inputs.enabled,
            inputs.description,
            inputs.expires,
        ):
            what = f"On {machine}, enable the local account {name}, and let neither it nor its password expire."
            options = {"Name": name, "Description": inputs.description, "NeverExpires": inputs.never_expires}
            arguments = options | {"Enabled": inputs.enabled}
            steps.append(Step(what, Script(machine, "windows/set_account_options.ps1", arguments)))
        if have is not None and have.locked:
            what = f"On {machine}, unlock the local account {name}, which is locked out after wrong passwords."
            steps.append(Step(what, Script(machine, "windows/unlock_account.ps1", {"Name": name})))
        for group in inputs.groups:
            if have is None or folded(group) not in have.groups:
                what = f"On {machine}, add {name} to the local group {group}."
                arguments = {"Group": group, "Members": [name]}
                steps.append(Step(what, Script(machine, "windows/add_members.ps1", arguments)))
        return steps

    def plan_delete(self, inputs: LocalAccountInputs, facts: LocalAccountFacts, baseline: dict[str, Any]) -> list[Step]:
        if facts.account is None:
            return []
        what = f"On {inputs.machine}, delete the local account {inputs.account}."
        return [Step(what, Script(inputs.machine, "windows/remove_account.ps1", {"Name": inputs.account}))]

    def plan_orphan(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> list[Step]:
        if not facts.marked:
            return []
        what = f"On {inputs.machine}, forget the mark beside the local account {inputs.account}."
        return [Step(what, Script(inputs.machine, "windows/remove_mark.ps1", {"Name": inputs.account}))]

    def adoption(self, inputs: LocalAccountInputs, topology: Topology) -> Location:
        return ("spf",)

    def actual(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> dict[str, Any] | None:
        have = facts.account
        if have is None:
            return None
        live: dict[str, Any] = {"never_expires": have.never_expires, "enabled": have.enabled, "locked": have.locked}
        if not have.password_is_ours:
            live["password"] = MASKED_DIFFERENCE
        live["groups"] = [group for group in inputs.groups if folded(group) in have.groups]
        live["description"], live["expires"] = have.description, have.expires
        return live


class LocalAccount(FarmResource[LocalAccountInputs], module="windows", name="LocalAccount"):
    """A local account on one server."""

    implementation = LocalAccountResource
