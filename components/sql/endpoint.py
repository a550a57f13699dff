"""Guarantees the endpoint through which a replica talks to the others, and that they may connect to it.

It is started, serves every role, and is encrypted with AES; one that is there under another name is changed in place,
since a server has one at most. Each of the other servers connects as the account that it runs as (``service_account``),
so that account has a login here, which is enabled and has CONNECT on the endpoint. Where public, a group or a role that
the account is in is denied to connect, an administrator has to decide: it is named. Leaves alone how the endpoint
authenticates (where it is by certificate alone, no account is looked at), and who else may connect. Refuses where this
server and another one have no way to authenticate in common, and where another program has the port. Where the server
or another one does not answer, `sql.unreachable` says whether that stops everything.

Delete drops the endpoint and the logins that were made with it, if this stack made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from components.resource import (
    Adoptable,
    FarmResource,
    InputPart,
    RefusesEarly,
    ReplaceOn,
    ValidatesChange,
    WithBaseline,
)
from components.sql.replicas import OnReplicas, query_each
from components.sql.service_account import NetworkAccount, network_account
from components.steps import Refuse, Sql, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from components.windows import firewall
from remote.errors import MachineError
from remote.names import folded, same
from remote.session import Remote
from remote.sql import Row

PROGRAM = "sqlservr.exe"
BY_CERTIFICATE, BY_WINDOWS = "CERTIFICATE", "NEGOTIATE"
"""How an endpoint authenticates that admits certificates alone; how one does that this program creates."""


class PartnerInputs(InputPart):
    machine: str
    """The machine of another replica."""
    computer: str
    r"""Its computer account, ``DOMAIN\NAME$``."""


class MirroringEndpointInputs(OnReplicas):
    machine: Annotated[str, ReplaceOn()]
    """The replica's machine, by its name in the topology."""
    port: int
    """The TCP port on which the other replicas reach it, 5022 in most farms."""
    partners: tuple[PartnerInputs, ...]
    """The other replicas, by the names of their machines in the topology."""
    name: str = "Hadr_endpoint"
    """The name of an endpoint that has to be made."""
    state: Literal["STARTED"] = "STARTED"
    """``state_desc`` of sys.database_mirroring_endpoints; only a started one listens."""
    role: Literal["ALL"] = "ALL"
    """``role_desc`` of sys.database_mirroring_endpoints; ALL serves a partner and a witness."""
    encryption: Literal["AES"] = "AES"
    """The algorithm without which no partner connects (ENCRYPTION = REQUIRED)."""
    access: str = "granted"
    """What is declared of the partners' accounts; a drifted state names those that may not connect."""


@dataclass(frozen=True)
class Endpoint:
    name: str
    """As SQL Server has it: it may be another than the declared one."""
    port: int
    """The TCP port on which it listens (sys.tcp_endpoints)."""
    state: str
    """STARTED, STOPPED or DISABLED (``state_desc``)."""
    role: str
    """ALL, PARTNER or WITNESS (``role_desc``)."""
    encryption: str
    """``encryption_algorithm_desc``: AES, RC4, ``NONE, AES``, …"""
    authentication: str = BY_WINDOWS
    """``connection_auth_desc``: NEGOTIATE, ``CERTIFICATE, NTLM``, …"""


_READ = tuple(one.name for one in fields(Endpoint))


@dataclass(frozen=True)
class MirroringEndpointFacts:
    endpoint: Endpoint | None
    """None: the server has none, or does not answer (``unreachable``)."""
    logins: dict[str, str]
    """By account of a partner that answers: its login here, empty where it has none."""
    admitted: frozenset[str]
    """The accounts that have CONNECT on the endpoint."""
    unreachable: bool = False
    """The server does not answer: nothing is known of it."""
    disabled: frozenset[str] = frozenset()
    """The accounts whose login is disabled."""
    denied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By account that may not connect although it has CONNECT: who is denied to."""
    strangers: Mapping[str, str] = field(default_factory=dict)
    """By machine of a partner: the account that it runs as, which has no identity on the network."""
    incompatible: Mapping[str, str] = field(default_factory=dict)
    """By machine of a partner: how its endpoint authenticates, where the one here has no way in common with it."""
    taken: bool = False
    """Something listens on the declared port, and it is not the endpoint."""
    closed: bool = False
    """The Windows Firewall of the machine does not allow the port to which the endpoint is to move."""

    @property
    def refused(self) -> list[str]:
        return [account for account in self.logins if account not in self.admitted]


class MirroringEndpointResource(
    Adoptable[MirroringEndpointInputs, MirroringEndpointFacts],
    WithBaseline[MirroringEndpointInputs, MirroringEndpointFacts],
    ValidatesChange[MirroringEndpointInputs, MirroringEndpointFacts],
    RefusesEarly[MirroringEndpointInputs, MirroringEndpointFacts],
):
    def display_name(self, inputs: MirroringEndpointInputs) -> str:
        return f"the endpoint of {inputs.machine} for availability groups"

    def resource_id(self, inputs: MirroringEndpointInputs) -> str:
        return f"{inputs.machine}/mirroring-endpoint".lower()

    def validate_change(self, olds: dict[str, Any], inputs: MirroringEndpointInputs) -> str:
        known = {folded(one["machine"]): str(one["computer"]) for one in olds.get("partners", ())}
        for partner in inputs.partners:
            was = known.get(folded(partner.machine), partner.computer)
            if not same(was, partner.computer):
                return (
                    f"{partner.machine} connects to {inputs.machine} as {was}, and the topology calls it "
                    f"{partner.computer} now: logins, groups and administrators of the farm hold the domain's short "
                    "name, and this program renames no domain. Put `netbios` of the domain back."
                )
        return ""

    def observe(self, inputs: MirroringEndpointInputs, remote: Remote) -> MirroringEndpointFacts:
        attempted = f"read {self.display_name(inputs)}"
        computers = {partner.machine: partner.computer for partner in inputs.partners}
        found: dict[str, Endpoint] = {}
        listening: list[int] = []
        closed: list[str] = []

        def account_of(machine: str) -> NetworkAccount | None:
            for row in remote.sql(machine).rows(load_script("sql/read_endpoint.sql"), attempted=attempted):
                found[machine] = Endpoint(**{key: row[key] for key in _READ})
            if machine != inputs.machine:
                return network_account(remote, machine, computers[machine])
            if machine not in found or found[machine].port != inputs.port:
                script = load_script("windows/read_listeners.ps1")
                listening.extend(remote.powershell(machine).run(script, {}, attempted=attempted))
                if machine in found and not firewall.allows(remote, machine, inputs.port, PROGRAM, attempted):
                    closed.append(machine)
            return None

        answers = query_each(inputs, (inputs.machine, *computers), account_of)
        if inputs.machine in answers.unreachable:
            return MirroringEndpointFacts(None, {}, frozenset(), unreachable=True)
        server, endpoint = remote.sql(inputs.machine), found.pop(inputs.machine, None)
        own = _ways(endpoint.authentication if endpoint else BY_WINDOWS)
        incompatible = {m: one.authentication for m, one in found.items() if not own & _ways(one.authentication)}
        taken = inputs.port in listening
        if endpoint is not None and endpoint.authentication == BY_CERTIFICATE:
            return MirroringEndpointFacts(
                endpoint, {}, frozenset(), incompatible=incompatible, taken=taken, closed=bool(closed)
            )
        denials = server.rows(load_script("sql/read_endpoint_denials.sql"), attempted=attempted)
        logins: dict[str, str] = {}
        admitted, disabled = set(), set()
        denied, strangers = {}, {}
        for partner, account in answers.given.items():
            if account is None:
                continue
            if not account.sid:
                strangers[partner] = account.given
                continue
            name = account.name
            rows = server.rows(load_script("sql/read_endpoint_access.sql"), account.sid, attempted=attempted)
            login = logins[name] = rows[0]["name"] if rows else ""
            if rows and rows[0]["disabled"]:
                disabled.add(name)
            if endpoint is None or not rows or not rows[0]["may_connect"]:
                continue
            admitted.add(name)
            # Only then: SQL Server asks a domain controller for the account's groups.
            values = (login, endpoint.name)
            if denials and not _may_connect(server.rows(_PERMISSION, *values, attempted=attempted)):
                denied[name] = tuple(row["name"] for row in denials)
        return MirroringEndpointFacts(
            endpoint,
            logins,
            frozenset(admitted),
            False,
            frozenset(disabled),
            denied,
            strangers,
            incompatible,
            taken,
            bool(closed),
        )

    def plan(self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts) -> list[Step]:
        steps: list[Step] = []
        on, endpoint = inputs.machine, facts.endpoint
        if facts.unreachable:
            return steps
        self._refuse(inputs, facts)
        if endpoint is None:
            name = inputs.name
            what = f"On {on}, create the endpoint {name} on port {inputs.port}."
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
                what = f"On {on}, create a login for the Windows account {account}."
                steps.append(Step(what, Sql(on, "sql/create_windows_login.sql", (account,))))
            what = f"On {on}, let {login} connect to the endpoint {name}."
            steps.append(Step(what, Sql(on, "sql/grant_endpoint.sql", (name, login))))
        for account in sorted(facts.disabled):
            login = facts.logins[account]
            what = f"On {on}, enable the login {login}, as which a partner connects."
            steps.append(Step(what, Sql(on, "sql/enable_login.sql", (login,))))
        for account, others in facts.denied.items():
            found = f"{account} has CONNECT on the endpoint, but DENY CONNECT to {', '.join(others)} keeps it out"
            quoted = name.replace("]", "]]")
            remedy = f"Look who needs that DENY, and take it back: REVOKE CONNECT ON ENDPOINT::[{quoted}] FROM …"
            what = f"On {on}, see that {account} may connect to the endpoint {name}."
            steps.append(Step(what, Refuse(on, found), remedy))
        for machine, given in facts.strangers.items():
            found = f"SQL Server on {machine} runs as {given}, which has no identity on the network"
            remedy = "Have it run as an account of the domain, as Network Service or as a virtual account."
            steps.append(Step(f"On {on}, let {machine} connect to the endpoint {name}.", Refuse(on, found), remedy))
        return steps

    def _refuse(self, inputs: MirroringEndpointInputs, facts: MirroringEndpointFacts) -> None:
        attempted = f"make {self.display_name(inputs)}"
        if facts.incompatible:
            others = " and ".join(f"{m} authenticates by {how}" for m, how in facts.incompatible.items())
            own = facts.endpoint.authentication if facts.endpoint else BY_WINDOWS
            raise MachineError(
                inputs.machine,
                attempted,
                f"the endpoint of {others}, the one here by {own}: they have no way in common",
                "Let the endpoints of all replicas authenticate alike (ALTER ENDPOINT … FOR DATABASE_MIRRORING "
                "(AUTHENTICATION = …)); where that is by certificate, create it here by hand, too (Microsoft: "
                '"Use Certificates for a Database Mirroring Endpoint"). Then run `pulumi up` again.',
            )
        if facts.taken:
            raise MachineError(
                inputs.machine,
                attempted,
                f"another program listens on TCP {inputs.port}",
                "Find it (`netstat -aon`, then the process of that number) and end it, or declare another port for the "
                "replica (`endpoint_port` in the topology); then run `pulumi up` again.",
            )
        if facts.closed:
            raise MachineError(
                inputs.machine,
                f"move {self.display_name(inputs)} to port {inputs.port}",
                "no rule of its Windows Firewall allows that port, and the other replicas would lose it",
                f"Allow inbound TCP {inputs.port} on {inputs.machine} first, and in every firewall between the "
                "replicas; or put its `endpoint_port` back.",
            )

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
        wrong = [
            *([f"missing for {', '.join(facts.refused)}"] if facts.refused else []),
            *(f"the login {facts.logins[account]} is disabled" for account in sorted(facts.disabled)),
            *(
                f"{account} is kept out by DENY CONNECT to {', '.join(others)}"
                for account, others in facts.denied.items()
            ),
            *(
                f"{machine} runs as {given}, which has no identity on the network"
                for machine, given in facts.strangers.items()
            ),
        ]
        if wrong:
            live["access"] = "; ".join(wrong)
        return live


def _ways(authentication: str) -> set[str]:
    """NEGOTIATE is NTLM or Kerberos (Microsoft, "Transport Security")."""
    named = authentication.split(", ")
    return {way for one in named for way in (("NTLM", "KERBEROS") if one == BY_WINDOWS else (one,))}


_PERMISSION = load_script("sql/read_endpoint_permission.sql")


def _may_connect(rows: list[Row]) -> bool:
    return bool(rows[0]["may_connect"])


class MirroringEndpoint(FarmResource[MirroringEndpointInputs], module="sql", name="MirroringEndpoint"):
    """The endpoint through which a replica talks to the others."""

    implementation = MirroringEndpointResource
