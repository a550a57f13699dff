"""Guarantees the SQL administrator's login on every replica: enabled, in sysadmin, same SID, same password.

``sa`` is found by its SID 0x01, so a renamed one is found too; any other name is a dedicated login, made with one SID
everywhere. The password is compared on the server (PWDCOMPARE): no log-on is tried, and it is never set when it
already matches. A replica that does not answer is unknown: `sql.unreachable` says whether that stops everything.

Delete disables ``sa`` again where it was disabled before; its password stays. A dedicated login that this stack made is
dropped, and databases that it made go to ``sa``: a login that owns one cannot go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from components.resource import MASKED_DIFFERENCE, Adoptable, FarmResource, ReplaceOn, WithBaseline
from components.resource.ownership import was
from components.sql.replicas import OnReplicas, query_each
from components.steps import Sql, Step, WaitFor, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote

SA_SID = "0x01"
_LOG_OFF_SECONDS = 60


class AdministratorInputs(OnReplicas):
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology; the first keeps the claim."""
    login: Annotated[str, ReplaceOn()]
    """Its name; ``sa`` also where that was renamed."""
    password: Secret
    """Its password, the same everywhere."""
    enabled: bool = True
    """Whether it may log on; a disabled one is enabled."""
    sysadmin: bool = True
    """Whether it is in the server role sysadmin."""

    @property
    def sid(self) -> str:
        """The login's SID where no replica has it yet: that of ``sa``, or 16 bytes that follow from the name."""
        if self.login == "sa":
            return SA_SID
        return "0x" + hashlib.sha256(f"administrator/{self.login}".encode()).hexdigest()[:32].upper()


@dataclass(frozen=True)
class LoginState:
    name: str
    """As the server has it: ``sa`` may have been renamed."""
    sid: str
    """Hexadecimal, with 0x."""
    disabled: bool
    """``is_disabled`` of sys.sql_logins."""
    password_matches: bool
    """Whether the configured password is the one that it has (PWDCOMPARE)."""
    sysadmin: bool
    """Whether it is a member of the server role sysadmin."""
    owns: tuple[str, ...] = ()
    """Databases of a dedicated login's own: those that were made with it."""
    sessions: tuple[str, ...] = ()
    """Who is logged on with a dedicated login: program and computer of each."""


@dataclass(frozen=True)
class Unused:
    """Waits until no session of the login is left on a machine: one that is in use cannot be dropped."""

    machine: str
    """The server from which the login goes, by its name in the topology."""

    def __call__(self, facts: dict[str, LoginState | None]) -> str:
        state = facts[self.machine]
        return f"{', '.join(sorted(set(state.sessions)))} to log off" if state and state.sessions else ""


class AdministratorResource(
    Adoptable[AdministratorInputs, dict[str, LoginState | None]],
    WithBaseline[AdministratorInputs, dict[str, LoginState | None]],
):
    def display_name(self, inputs: AdministratorInputs) -> str:
        return f"the SQL login {inputs.login}"

    def resource_id(self, inputs: AdministratorInputs) -> str:
        return f"sql-administrator/{inputs.login}".lower()

    def owner_machine(self, inputs: AdministratorInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AdministratorInputs, remote: Remote) -> dict[str, LoginState | None]:
        """By machine: the login, or None where there is none. A machine that does not answer is missing."""
        return query_each(inputs, inputs.machines, lambda machine: self._state(inputs, remote, machine)).given

    def _state(self, inputs: AdministratorInputs, remote: Remote, machine: str) -> LoginState | None:
        rows = remote.sql_integrated(machine).rows(
            load_script("sql/read_administrator.sql"),
            inputs.login,
            inputs.password,
            attempted=f"read {self.display_name(inputs)}",
        )
        if not rows:
            return None
        row = rows[0]
        owned: list[dict[str, Any]] = []
        sessions: list[dict[str, Any]] = []
        if inputs.login != "sa":
            server, attempted = remote.sql_integrated(machine), f"read what {self.display_name(inputs)} has"
            owned = server.rows(load_script("sql/read_owned.sql"), row["sid"], attempted=attempted)
            sessions = server.rows(load_script("sql/read_sessions.sql"), row["sid"], attempted=attempted)
        return LoginState(
            name=row["name"],
            sid=row["sid"].upper().replace("0X", "0x"),
            disabled=bool(row["disabled"]),
            password_matches=bool(row["password_matches"]),
            sysadmin=bool(row["is_administrator"]),
            owns=tuple(one["name"] for one in owned),
            sessions=tuple(f"{one['program']} on {one['host']}" for one in sessions),
        )

    def plan(self, inputs: AdministratorInputs, facts: dict[str, LoginState | None]) -> list[Step]:
        steps = []
        sid = self._sid(inputs, facts)
        for machine, state in facts.items():
            if state is None:
                values = (inputs.login, inputs.password, sid)
                action = Sql(machine, "sql/create_administrator.sql", values, integrated=True)
                steps.append(Step(f"On {machine}, create the login {inputs.login} and add it to sysadmin.", action))
                continue
            if state.sid != sid:
                raise MachineError(
                    machine,
                    f"take over {self.display_name(inputs)}",
                    "a login of this name has another SID than on the other replicas",
                    "Choose another name for `sql.administrator`, or drop that login.",
                )
            if not state.password_matches:
                action = Sql(machine, "sql/set_login_password.sql", (state.name, inputs.password), integrated=True)
                steps.append(Step(f"On {machine}, set the password of the login {state.name}.", action))
            if state.disabled:  # enabled only once it has its password
                action = Sql(machine, "sql/enable_login.sql", (state.name,), integrated=True)
                steps.append(Step(f"On {machine}, enable the login {state.name}.", action))
            if not state.sysadmin:
                action = Sql(machine, "sql/add_administrator.sql", (state.name,), integrated=True)
                steps.append(Step(f"On {machine}, add the login {state.name} to sysadmin.", action))
        return steps

    @staticmethod
    def _sid(inputs: AdministratorInputs, facts: dict[str, LoginState | None]) -> str:
        """The login's SID on every replica: the one that replicas have, since a login keeps it when its name is spelled
        in another way."""
        there = [state.sid for state in facts.values() if state]
        return inputs.sid if inputs.sid in there or not there else there[0]

    def plan_delete(
        self, inputs: AdministratorInputs, facts: dict[str, LoginState | None], baseline: dict[str, Any]
    ) -> list[Step]:
        steps = []
        for machine, state in facts.items():
            if state is None:
                continue
            if inputs.login == "sa":
                if not state.disabled and was(baseline, "disabled", machine):
                    action = Sql(machine, "sql/disable_login.sql", (state.name,), integrated=True)
                    steps.append(Step(f"On {machine}, disable the login {state.name} as it was before.", action))
            else:
                for database in state.owns:
                    action = Sql(machine, "sql/give_database_to_sa.sql", (database,), integrated=True)
                    steps.append(Step(f"On {machine}, make sa the owner of {database}.", action))
                waiting = WaitFor(machine, Unused(machine), _LOG_OFF_SECONDS, logged_off=True)
                steps.append(Step(f"Wait until nobody is logged on to {machine} as {state.name}.", waiting))
                action = Sql(machine, "sql/drop_login.sql", (state.name,), integrated=True)
                steps.append(Step(f"On {machine}, drop the login {state.name}.", action))
        return steps

    def adoption(self, inputs: AdministratorInputs, topology: Topology) -> Location:
        return ("sql",)

    def preexisting(self, inputs: AdministratorInputs, facts: dict[str, LoginState | None]) -> bool:
        # sa always exists; this resource manages its settings only.
        return inputs.login != "sa" and any(facts.values())

    def baseline(self, inputs: AdministratorInputs, facts: dict[str, LoginState | None]) -> dict[str, Any]:
        return {"disabled": {machine: state.disabled for machine, state in facts.items() if state}}

    def actual(self, inputs: AdministratorInputs, facts: dict[str, LoginState | None]) -> dict[str, Any] | None:
        if not any(facts.values()):
            return None
        states = [state for state in facts.values() if state]
        live: dict[str, Any] = {
            "machines": [machine for machine in inputs.machines if machine not in facts or facts[machine]]
        }
        if not all(state.password_matches for state in states):
            live["password"] = MASKED_DIFFERENCE
        live["enabled"] = not any(state.disabled for state in states)
        live["sysadmin"] = all(state.sysadmin for state in states)
        return live


class Administrator(FarmResource[AdministratorInputs], module="sql", name="Administrator"):
    """The SQL administrator's login on every replica."""

    implementation = AdministratorResource
