"""Guarantees that principals may use the administrators' site (``Add-MgmtSvcAdminUser``). Others are left alone.

The list is in the farm's store, so one node speaks for all. One that is no longer declared is taken away, unless it was
in the list before. Delete takes away only those that were not in it before.
"""

from __future__ import annotations

from typing import Any

from components.claims import was
from components.inputs import ThroughFarm
from components.resource import Managed, Provider
from components.steps import Script, Step, leaf
from remote.secret import Secret
from remote.session import Remote


class AdministratorsInputs(ThroughFarm):
    machine: str
    """The portal node on which the cmdlets run."""
    principals: tuple[str, ...]
    """``DOMAIN\\name`` of each."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login."""
    password: Secret
    """Its password."""


class AdministratorsProvider(Provider[AdministratorsInputs, frozenset[str]]):
    """Facts: the principals in the store, lower case."""

    INPUTS = AdministratorsInputs
    SECRETS = ("password",)
    PARTS = "principals"
    THING = False

    def title(self, inputs: AdministratorsInputs) -> str:
        return "the portal's administrators"

    def key(self, inputs: AdministratorsInputs) -> str:
        return "portal-administrators"

    def home(self, inputs: AdministratorsInputs) -> str:
        return inputs.machine

    @staticmethod
    def _store(inputs: AdministratorsInputs) -> dict[str, Any]:
        return {"Server": inputs.server, "UserName": inputs.login, "Password": inputs.password}

    def observe(self, inputs: AdministratorsInputs, remote: Remote) -> frozenset[str]:
        output = remote.powershell(inputs.machine).run(
            leaf("portal/read_administrators.ps1"), self._store(inputs), attempted=f"read {self.title(inputs)}"
        )
        return frozenset(principal.lower() for principal in output)

    def plan(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> list[Step]:
        return [
            Step(
                f"On {inputs.machine}, let {principal} use the administrators' site.",
                Script(inputs.machine, "portal/add_administrator.ps1", {**self._store(inputs), "Principal": principal}),
            )
            for principal in inputs.principals
            if principal.lower() not in facts
        ]

    def remove(self, inputs: AdministratorsInputs, facts: frozenset[str], before: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"On {inputs.machine}, no longer let {principal} use the administrators' site.",
                Script(
                    inputs.machine, "portal/remove_administrator.ps1", {**self._store(inputs), "Principal": principal}
                ),
            )
            for principal in inputs.principals
            if principal.lower() in facts and not was(before, "principals", principal.lower())
        ]

    def present(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> bool:
        return True

    def existed(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> bool:
        return False

    def remember(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"principals": {principal.lower(): principal.lower() in facts for principal in inputs.principals}}

    def found(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"principals": [principal for principal in inputs.principals if principal.lower() in facts]}


class Administrators(Managed[AdministratorsInputs], module="portal", name="Administrators"):
    """Who may use the administrators' site."""

    provider_class = AdministratorsProvider
