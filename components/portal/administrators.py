"""Guarantees that principals may use the administrators' site (``Add-MgmtSvcAdminUser``). Others are left alone.

The list is in the farm's store, so one node speaks for all. One that is no longer declared is taken away, unless it was
in the list before. Delete takes away only those that were not in it before.
"""

from __future__ import annotations

from typing import Annotated, Any

from components.resource import FarmResource, Items, ThroughFarm, WithBaseline
from components.resource.ownership import was
from components.steps import Script, Step, load_script
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote


class AdministratorsInputs(ThroughFarm):
    machine: str
    """The portal node on which the cmdlets run."""
    principals: Annotated[tuple[str, ...], Items()]
    """``DOMAIN\\name`` of each."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login."""
    password: Secret
    """Its password, in clear only on the wire."""


class AdministratorsResource(WithBaseline[AdministratorsInputs, frozenset[str]]):
    """Facts: the principals in the store, lower case."""

    def display_name(self, inputs: AdministratorsInputs) -> str:
        return "the portal's administrators"

    def resource_id(self, inputs: AdministratorsInputs) -> str:
        return "portal-administrators"

    @staticmethod
    def _store(inputs: AdministratorsInputs) -> dict[str, Any]:
        return {"Server": inputs.server, "UserName": inputs.login, "Password": inputs.password}

    def observe(self, inputs: AdministratorsInputs, remote: Remote) -> frozenset[str]:
        output = remote.powershell(inputs.machine).run(
            load_script("portal/read_administrators.ps1"),
            self._store(inputs),
            attempted=f"read {self.display_name(inputs)}",
        )
        return frozenset(folded(principal) for principal in output)

    def plan(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> list[Step]:
        return [
            Step(
                f"On {inputs.machine}, let {principal} use the administrators' site.",
                Script(inputs.machine, "portal/add_administrator.ps1", {**self._store(inputs), "Principal": principal}),
            )
            for principal in inputs.principals
            if folded(principal) not in facts
        ]

    def plan_delete(self, inputs: AdministratorsInputs, facts: frozenset[str], baseline: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"On {inputs.machine}, no longer let {principal} use the administrators' site.",
                Script(
                    inputs.machine, "portal/remove_administrator.ps1", {**self._store(inputs), "Principal": principal}
                ),
            )
            for principal in inputs.principals
            if folded(principal) in facts and not was(baseline, "principals", folded(principal))
        ]

    def preexisting(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> bool:
        return False

    def baseline(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"principals": {folded(principal): folded(principal) in facts for principal in inputs.principals}}

    def actual(self, inputs: AdministratorsInputs, facts: frozenset[str]) -> dict[str, Any]:
        return {"principals": [principal for principal in inputs.principals if folded(principal) in facts]}


class Administrators(FarmResource[AdministratorsInputs], module="portal", name="Administrators"):
    """Who may use the administrators' site."""

    implementation = AdministratorsResource
