"""Guarantees a local account that is the same on every server of a tier: password, never expiring, in its groups.

The password is verified without a log-on: when it is set, the machine keeps a mark that fits this password and the
moment it was set, and a mark that does not fit means that somebody set another one. The mark is an HMAC with the
administrator's password of that machine as its key; nobody can try passwords on it. Groups must be there already (the
installer of Service Provider Foundation makes them); other members and other groups of the account are left alone.
Delete removes the account from every server.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import pulumi

from components.resource import MASKED_DIFFERENCE, Inputs, Managed, Provider
from components.steps import Script, Step, leaf
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote


class LocalAccountInputs(Inputs):
    machines: tuple[str, ...]
    """Every server of the tier."""
    account: str
    """Its name."""
    password: Secret
    """Its password, the same everywhere."""
    groups: tuple[str, ...]
    """The local groups it has to be in; others stay."""
    description: str = ""
    """What Windows shows beside it."""
    never_expires: bool = True
    """Whether its password never expires."""
    enabled: bool = True
    """Whether it may log on."""


@dataclass(frozen=True)
class AccountState:
    password_is_ours: bool
    never_expires: bool
    enabled: bool
    description: str
    groups: frozenset[str]
    """Lower-case names of the groups it is in."""


@dataclass(frozen=True)
class ServerFacts:
    account: AccountState | None
    groups: frozenset[str]
    """Lower-case names of all local groups of the server."""
    mark: Secret
    """The mark that would fit the declared password on this server."""


LocalAccountFacts = dict[str, ServerFacts]


def mark(key: Secret, account: str, password: Secret) -> Secret:
    """What a machine keeps beside an account to recognise the password this program gave it."""
    text = f"{account.lower()}\0{password.reveal()}"
    return Secret(hmac.new(key.reveal().encode(), text.encode(), hashlib.sha256).hexdigest())


class LocalAccountProvider(Provider[LocalAccountInputs, LocalAccountFacts]):
    INPUTS = LocalAccountInputs
    IDENTITY = ("account",)
    SECRETS = ("password",)

    def title(self, inputs: LocalAccountInputs) -> str:
        return f"the local account {inputs.account}"

    def key(self, inputs: LocalAccountInputs) -> str:
        return f"local-account/{inputs.account}".lower()

    def home(self, inputs: LocalAccountInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: LocalAccountInputs, remote: Remote) -> LocalAccountFacts:
        return {machine: self._server(inputs, remote, machine) for machine in inputs.machines}

    def _server(self, inputs: LocalAccountInputs, remote: Remote, machine: str) -> ServerFacts:
        state = remote.powershell(machine).run(
            leaf("windows/read_account.ps1"), {"Name": inputs.account}, attempted=f"read {self.title(inputs)}"
        )[0]
        ours = mark(remote.hosts[machine].password, inputs.account, inputs.password)
        account = None
        if state["exists"]:
            account = AccountState(
                password_is_ours=state["mark"] == f"{ours.reveal()}@{state['passwordSet']}",
                never_expires=state["neverExpires"],
                enabled=not state["disabled"],
                description=state["description"],
                groups=frozenset(name.lower() for name in state["memberOf"]),
            )
        return ServerFacts(account, frozenset(name.lower() for name in state["groups"]), ours)

    def plan(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> list[Step]:
        self._refuse(inputs, facts)
        return [step for machine, server in facts.items() for step in self._on(inputs, machine, server)]

    def _on(self, inputs: LocalAccountInputs, machine: str, server: ServerFacts) -> list[Step]:
        name, have = inputs.account, server.account
        steps = []
        set_password = {"Name": name, "Password": inputs.password, "Mark": server.mark}
        options = {"Name": name, "Description": inputs.description, "NeverExpires": inputs.never_expires}
        if have is None:
            what = f"On {machine}, create the local account {name}."
            steps.append(Step(what, Script(machine, "windows/create_account.ps1", set_password)))
        elif not have.password_is_ours:
            what = f"On {machine}, set the password of the local account {name}."
            steps.append(Step(what, Script(machine, "windows/set_account_password.ps1", set_password)))
        if have is None or (have.never_expires, have.enabled, have.description) != (
            inputs.never_expires,
            inputs.enabled,
            inputs.description,
        ):
            what = f"On {machine}, let the password of {name} never expire, and the account be enabled."
            arguments = options | {"Enabled": inputs.enabled}
            steps.append(Step(what, Script(machine, "windows/set_account_options.ps1", arguments)))
        for group in inputs.groups:
            if have is None or group.lower() not in have.groups:
                what = f"On {machine}, put {name} into the local group {group}."
                arguments = {"Group": group, "Members": [name]}
                steps.append(Step(what, Script(machine, "windows/add_members.ps1", arguments)))
        return steps

    def _refuse(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> None:
        missing = [
            f"{group} on {machine}"
            for machine, server in facts.items()
            for group in inputs.groups
            if group.lower() not in server.groups
        ]
        if missing:
            raise MachineError(
                self.home(inputs),
                f"create {self.title(inputs)}",
                f"there is no local group {', '.join(missing)}",
                "Install Service Provider Foundation there first, or correct `spf.groups`.",
            )

    def remove(self, inputs: LocalAccountInputs, facts: LocalAccountFacts, before: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"On {machine}, delete the local account {inputs.account}.",
                Script(machine, "windows/remove_account.ps1", {"Name": inputs.account}),
            )
            for machine, server in facts.items()
            if server.account is not None
        ]

    def adoption(self, inputs: LocalAccountInputs, topology: Topology) -> Location:
        return ("spf",)

    def present(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> bool:
        return any(server.account for server in facts.values())

    def found(self, inputs: LocalAccountInputs, facts: LocalAccountFacts) -> dict[str, Any]:
        accounts = {machine: server.account for machine, server in facts.items() if server.account}
        live: dict[str, Any] = {"machines": list(accounts)}
        if not all(account.password_is_ours for account in accounts.values()):
            live["password"] = MASKED_DIFFERENCE
        live["never_expires"] = all(account.never_expires for account in accounts.values())
        live["enabled"] = all(account.enabled for account in accounts.values())
        live["groups"] = [g for g in inputs.groups if all(g.lower() in a.groups for a in accounts.values())]
        if other := {account.description for account in accounts.values()} - {inputs.description}:
            live["description"] = min(other)
        return live


class LocalAccount(Managed, module="windows", name="LocalAccount"):
    """One local account on several servers."""

    provider_class = LocalAccountProvider

    def __init__(
        self,
        name: str,
        *,
        machines: list[str],
        account: str,
        password: pulumi.Input[str],
        groups: list[str],
        description: str,
        adopt: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"machines": machines, "account": account, "password": password, "groups": groups}
        super().__init__(name, {**what, "description": description, "adopt": adopt}, opts)
