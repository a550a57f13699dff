"""Guarantees that the failover cluster may watch SQL Server on every replica and bring the group online there.

The cluster's service is LocalSystem (found by its SID: the name depends on the language of Windows). It needs a login
that may connect, see the server's state and alter any availability group; without these a group cannot be created
(41131) or failed over. An account that is in sysadmin has them. A replica that does not answer is unknown:
`sql.unreachable` says whether that stops everything.

Delete leaves these rights, since the cluster may be using them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import FarmResource, ReplaceOn, Resource
from components.sql.replicas import OnReplicas, query_each
from components.steps import Sql, Step, load_script
from remote.session import Remote

RIGHTS = ("CONNECT SQL", "VIEW SERVER STATE", "ALTER ANY AVAILABILITY GROUP")


class ClusterAccessInputs(OnReplicas):
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology; the first keeps the claim."""
    access: str = "granted"
    """What is declared of every replica; a drifted state names the rights that the cluster lacks."""


@dataclass(frozen=True)
class SystemLogin:
    """The login of the cluster's service on one server."""

    account: str
    """The name of LocalSystem in the language of that Windows: ``NT AUTHORITY\\SYSTEM``."""
    exists: bool
    """Whether a login has its SID."""
    missing: tuple[str, ...]
    """Server permissions of ``RIGHTS`` that it is not granted; empty for a member of sysadmin."""


class ClusterAccessResource(Resource[ClusterAccessInputs, dict[str, SystemLogin]]):
    def display_name(self, inputs: ClusterAccessInputs) -> str:
        return f"the failover cluster's rights on {', '.join(inputs.machines)}"

    def resource_id(self, inputs: ClusterAccessInputs) -> str:
        return f"cluster-access/{inputs.group}".lower()

    def owner_machine(self, inputs: ClusterAccessInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: ClusterAccessInputs, remote: Remote) -> dict[str, SystemLogin]:
        def rights(machine: str) -> SystemLogin:
            rows = remote.sql(machine).rows(
                load_script("sql/read_cluster_access.sql"), attempted="read the failover cluster's rights"
            )
            own = next(row for row in rows if not row["permission"])
            have = {row["permission"] for row in rows}
            missing = () if own["is_administrator"] else tuple(right for right in RIGHTS if right not in have)
            return SystemLogin(own["account"], bool(own["logins"]), missing)

        return query_each(inputs, inputs.machines, rights).given

    def plan(self, inputs: ClusterAccessInputs, facts: dict[str, SystemLogin]) -> list[Step]:
        steps = []
        for machine, login in facts.items():
            if not login.exists:
                what = f"On {machine}, create a login for the Windows account {login.account}."
                steps.append(Step(what, Sql(machine, "sql/create_windows_login.sql", (login.account,))))
            for right in login.missing:
                what = f"On {machine}, grant {right} to {login.account}."
                values = ("GRANT", right, "", "", login.account, "")
                steps.append(Step(what, Sql(machine, "sql/set_permission.sql", values)))
        return steps

    def actual(self, inputs: ClusterAccessInputs, facts: dict[str, SystemLogin]) -> dict[str, Any]:
        lacking = [f"{', '.join(login.missing)} on {machine}" for machine, login in facts.items() if login.missing]
        return {"access": f"missing: {'; '.join(lacking)}"} if lacking else {}


class ClusterAccess(FarmResource[ClusterAccessInputs], module="sql", name="ClusterAccess"):
    """The failover cluster's rights on all replicas of a group."""

    implementation = ClusterAccessResource
