"""Guarantees the endpoint through which a replica talks to the others, and that they may connect to it.

It is started, serves every role, and is encrypted with AES; one that is there under another name is changed in place,
since a server has one at most. Each of the other servers connects as the account that it runs as, so that account has
a login here with CONNECT on the endpoint; a built-in account is the computer's on the network. Leaves alone how the
endpoint authenticates, and who else may connect. Where the server or another one does not answer, `sql.unreachable`
says whether that stops everything.

Delete drops the endpoint and the logins that were made with it, if this stack made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from components.resource import Adoptable, FarmResource, InputPart, ReplaceOn, WithBaseline
from components.sql.replicas import OnReplicas, ask
from components.steps import Sql, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.session import Remote

_BUILT_IN = ("localsystem", "nt authority\\", "nt service\\")


class PartnerInputs(InputPart):
    machine: str
    """The machine of another replica."""
    computer: str
    r"""Its computer account, ``DOMAIN\NAME$``."""


class MirroringEndpointInputs(OnReplicas):
    machine: Annotated[str, ReplaceOn()]
    """The replica's machine."""
    port: int
    """The endpoint's TCP port."""
    partners: tuple[PartnerInputs, ...]
    """The other replicas."""
    name: str = "Hadr_endpoint"
    """The name of an endpoint that has to be made."""
    state: Literal["STARTED"] = "STARTED"
    """Whether it listens."""
    role: Literal["ALL"] = "ALL"
    """The roles it serves."""
    encryption: Literal["AES"] = "AES"
    """What every connection is encrypted with."""
    access: str = "granted"
    """What is declared of the partners' accounts; a drifted state names those that may not connect."""


@dataclass(frozen=True)
class Endpoint:
    name: str
    port: int
    state: str
    role: str
    encryption: str


@dataclass(frozen=True)
class MirroringEndpointFacts:
    endpoint: Endpoint | None
    logins: dict[str, str]
    """By account of a partner that answers: its login here, empty where it has none."""
    admitted: frozenset[str]
    """The accounts that may connect."""
    unreachable: bool = False
    """The server does not answer: nothing is known of it."""

    @property
    def refused(self) -> list[str]:
        return [account for account in self.logins if account not in self.admitted]


class MirroringEndpointResource(
    Adoptable[MirroringEndpointInputs, MirroringEndpointFacts],
    WithBaseline[MirroringEndpointInputs, MirroringEndpointFacts],
):
    def display_name(self, inputs: MirroringEndpointInputs) -> str:
        return f"the endpoint of {inputs.machine} for availability groups"

    def resource_id(self, inputs: MirroringEndpointInputs) -> str:
        return f"{inputs.machine}/mirroring-endpoint".lower()

    def observe(self, inputs: MirroringEndpointInputs, remote: Remote) -> MirroringEndpointFacts:
        attempted = f"read {self.display_name(inputs)}"
        computers = {partner.machine: partner.computer for partner in inputs.partners}
        answers = ask(inputs, (inputs.machine, *computers), lambda machine: _account(machine, remote))
        if inputs.machine in answers.unreachable:
            return MirroringEndpointFacts(None, {}, frozenset(), unreachable=True)
        server = remote.sql(inputs.machine)
        rows = server.rows(load_script("sql/read_endpoint.sql"), attempted=attempted)
        endpoint = None
        if rows:
            row = rows[0]
            endpoint = Endpoint(row["name"], row["port"], row["state"], row["role"], row["encryption"])
        logins, admitted = {}, set()
        for partner, computer in computers.items():
            if partner in answers.unreachable:
                continue
            own = answers.given[partner]
            account = computer if own.lower().startswith(_BUILT_IN) else own
            found = server.rows(load_script("sql/read_endpoint_access.sql"), account, attempted=attempted)
            logins[account] = found[0]["name"] if found else ""
            if found and found[0]["may_connect"]:
                admitted.add(account)
        return MirroringEndpointFacts(endpoint, logins, frozenset(admitted))

    def plan(self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts) -> list[Step]:
        steps: list[Step] = []
        on, endpoint = inputs.machine, facts.endpoint
        if facts.unreachable:
            return steps
        if endpoint is None:
            name = inputs.name
            what = f"On {on}, make the endpoint {name} on port {inputs.port}."
            steps.append(Step(what, Sql(on, "sql/create_endpoint.sql", (name, inputs.port))))
        else:
            name = endpoint.name
            if endpoint.port != inputs.port:
                what = f"On {on}, move the endpoint {name} to port {inputs.port}."
                steps.append(Step(what, Sql(on, "sql/set_endpoint_port.sql", (name, inputs.port))))
            if (endpoint.role, endpoint.encryption) != (inputs.role, inputs.encryption):
                what = f"On {on}, let the endpoint {name} serve every role, encrypted with AES."
                steps.append(Step(what, Sql(on, "sql/set_endpoint_options.sql", (name,))))
            if endpoint.state != inputs.state:
                what = f"On {on}, start the endpoint {name}."
                steps.append(Step(what, Sql(on, "sql/start_endpoint.sql", (name,))))
        for account in facts.refused:
            login = facts.logins[account] or account
            if not facts.logins[account]:
                what = f"On {on}, make a login for the Windows account {account}."
                steps.append(Step(what, Sql(on, "sql/create_windows_login.sql", (account,))))
            what = f"On {on}, let {login} connect to the endpoint {name}."
            steps.append(Step(what, Sql(on, "sql/grant_endpoint.sql", (name, login))))
        return steps

    def plan_delete(
        self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts, baseline: dict[str, Any]
    ) -> list[Step]:
        steps, on = [], inputs.machine
        if facts.endpoint:
            what = f"On {on}, drop the endpoint {facts.endpoint.name}."
            steps.append(Step(what, Sql(on, "sql/drop_endpoint.sql", (facts.endpoint.name,))))
        for account, login in facts.logins.items():
            made = account in baseline.get("logins", []) or baseline.get("accounts", {}).get(account) is False
            if login and made:  # ``logins``: as it was kept at first, those that were made
                steps.append(Step(f"On {on}, drop the login {login}.", Sql(on, "sql/drop_login.sql", (login,))))
        return steps

    def adoption(self, inputs: MirroringEndpointInputs, topology: Topology) -> Location:
        return ("sql",)

    def baseline(self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts) -> dict[str, Any]:
        return {"accounts": {account: bool(login) for account, login in facts.logins.items()}}

    def actual(self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts) -> dict[str, Any] | None:
        one = facts.endpoint
        if one is None:  # a server that does not answer is unknown, not without its endpoint
            return {} if facts.unreachable else None
        live: dict[str, Any] = {
            "port": one.port,
            "state": one.state,
            "role": one.role,
            "encryption": one.encryption,
        }
        if facts.refused:
            live["access"] = f"missing for {', '.join(facts.refused)}"
        return live


def _account(machine: str, remote: Remote) -> str:
    """The account that the SQL Server of a machine runs as."""
    attempted = "read the account that SQL Server runs as"
    rows = remote.sql(machine).rows(load_script("sql/read_service_account.sql"), attempted=attempted)
    if not rows:
        raise MachineError(
            machine,
            attempted,
            "sys.dm_server_services does not show this instance",
            "Install Service Pack 1 of SQL Server 2012.",
        )
    return str(rows[0]["account"])


class MirroringEndpoint(FarmResource[MirroringEndpointInputs], module="sql", name="MirroringEndpoint"):
    """The endpoint through which a replica talks to the others."""

    implementation = MirroringEndpointResource
