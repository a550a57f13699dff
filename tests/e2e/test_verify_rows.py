"""Every row of ``operations verify`` notices what it is there for: it is broken, the row says so, and holds again.

One farm for the module. Only the row in question is asked, in this process; that the farm as a whole is well is seen
before and after.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.testing import changes, power, sql
from lab.testing.handle import Lab
from operations import audit, configuration, levels, verify
from operations.audits.finding import Verdict
from operations.checks import machines, unverified
from operations.contract.case import cases
from operations.contract.runner import Outcome, run_all
from operations.row import Check, Row, Status
from remote.logons import LOG_ONS
from tests.contract.test_cases import WHERE
from tests.e2e.changes import differences
from tests.e2e.drifts import (
    PLAN,
    REPLICA,
    Hand,
    account,
    balancing,
    certificate,
    console,
    firewall,
    portal,
    shell,
    stores,
    trust,
)
from tests.e2e.drifts import sql as statements
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere, of_the_stack
from tests.e2e.lab_state import documents

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DATABASE = "Microsoft.MgmtSvc.Usage"
FRONT, LISTENER, SPF = "portal.hyper-v.nu", "sql.hyper-v.nu", "spf.hyper-v.nu"


@dataclass(frozen=True)
class Broken:
    """One thing that is broken, and the row that has to say so."""

    name: str
    member: str
    checked: str
    """The beginning of what the row checks."""
    found: str
    """A pattern of what it finds."""
    by_hand: Hand
    mend: Hand
    status: Status = Status.WRONG


def world(change: Callable[[Any], object]) -> Hand:
    return lambda farm: change(farm.world)  # type: ignore[attr-defined]


def machine(change: Callable[..., object], name: str) -> Hand:
    return world(lambda here: change(here, name))


def database_age(days: int) -> Hand:
    """As if the portal had been installed so long ago."""

    def change(here: Any) -> None:
        for name in ("SQL1", "SQL2"):
            sql.age_database(here, name, DATABASE, days)

    return world(change)


def site(verb: str, name: str = "MgmtSvc-AdminSite", node: str = "Portal2") -> Hand:
    return shell(node, f"{verb}-Website '{name}'")


def service(node: str, name: str, verb: str) -> Hand:
    return shell(node, f"{verb}-Service '{name}'{' -Force' if verb == 'Stop' else ''}")


def start_type(node: str, name: str, kind: str) -> Hand:
    return shell(node, f"Set-Service '{name}' -StartupType {kind}")


def group(statement: str) -> Hand:
    return statements("SQL1", f"ALTER AVAILABILITY GROUP [SQL] {statement}")


def trusts_again(namespace: str) -> Hand:
    """Undo of ``trust``."""
    return stores(f"""
$how = @{{ Namespace = '{namespace}'; Name = 'Authentication.IdentityProvider'; ConnectionString = $portal }}
$known = Get-MgmtSvcDatabaseSetting @how
Set-MgmtSvcDatabaseSetting -Value ($known.Value -replace 'portal2\\.hyper-v\\.nu', 'portal.hyper-v.nu') @how""")


def start_state(state: str) -> Hand:
    return console(
        "Portal2",
        f"[void](Set-NlbClusterNode -HostName Portal2 -InterfaceName Ethernet -InitialHostState {state})",
    )


def always_on(value: int) -> Hand:
    return shell(
        "SQL2",
        f"""$space = 'root\\Microsoft\\SqlServer\\ComputerManagement11'
$settings = Get-WmiObject -Namespace $space -Class HADRServiceSettings
[void]$settings.ChangeHADRService({value})""",
    )


def on_both(first: str, second: str, script: str) -> Hand:
    return lambda farm: [shell(node, script)(farm) for node in (first, second)]


def spf_accounts(operator: str) -> Hand:
    """Disable (``-bor``) or enable (``-bxor``) the account on both servers."""
    flags = f"$account.UserFlags.Value = $account.UserFlags.Value {operator} 2; $account.SetInfo()"
    return on_both("SPF1", "SPF2", account(flags))


def plan_named(old: str, new: str) -> Hand:
    return portal(f"""
$plan = Get-MgmtSvcPlan @how | Where-Object {{ $_.DisplayName -eq '{old}' }}
$plan.DisplayName = '{new}'
[void](Set-MgmtSvcPlan -Plan $plan @how)""")


def opened_again(farm: Any) -> None:
    subnet = farm.model.domain_of("Portal2").subnet
    firewall("Portal2", "servers", "Set", f"-RemoteAddress {subnet}")(farm)


OTHER_CERTIFICATE = """
$other = (Get-WebBinding -Name 'MgmtSvc-ConfigSite' -Protocol 'https').certificateHash
$binding = Get-WebBinding -Name 'MgmtSvc-TenantSite' -Protocol 'https'
$binding.RemoveSslCertificate()
$binding.AddSslCertificate($other, 'My')"""
OWN_CERTIFICATE = certificate("""
$binding = Get-WebBinding -Name 'MgmtSvc-TenantSite' -Protocol 'https'
$binding.RemoveSslCertificate()
$binding.AddSslCertificate($ours.Thumbprint, 'My')""")
OPERATORS = '([ADSI]"WinNT://$env:COMPUTERNAME/MgmtSvc Operators,group").{}("WinNT://HYPERVNU/WAP Administrators")'
ENDPOINT = "ALTER ENDPOINT [Hadr_endpoint] STATE = {}"
PASSWORD = account('$account.SetPassword("{}")')
IIS_STOPPED = service("Portal2", "W3SVC", "Stop"), service("Portal2", "W3SVC", "Start")

ROWS = [
    Broken(
        "its cable is out", "SPF2", "WinRM answers", "does not answer",
        machine(power.disconnect, "SPF2"), machine(power.connect, "SPF2"),
    ),
    Broken(
        "a node of the cluster is stopped", "Portal1", "converged", r"not converged: Portal2 \(Stopped\)",
        balancing("Portal2", "Stop-NlbClusterNode -HostName Portal2 | Out-Null"),
        balancing("Portal2", "Start-NlbClusterNode -HostName Portal2 | Out-Null"),
    ),
    Broken(
        "a node does not start with its machine", "Portal2", "converged", "it does not start with its machine",
        start_state("Stopped"), start_state("Started"),
    ),
    Broken(
        "IIS of every node is stopped", FRONT, "every connection", "of its servers, none answers",
        on_both("Portal1", "Portal2", "Stop-Service W3SVC -Force"),
        on_both("Portal1", "Portal2", "Start-Service W3SVC"),
    ),
    Broken("IIS is stopped behind a name that answers", "Portal2", "IIS runs", "W3SVC is stopped", *IIS_STOPPED),
    Broken(
        "every site of a node is away", "Portal2", "every site answers,", "MgmtSvc-AdminSite: no answer on port 30091",
        *IIS_STOPPED,
    ),
    Broken(
        "IIS does not start with the machine", "Portal1", "IIS runs", "W3SVC does not start with the machine",
        start_type("Portal1", "W3SVC", "Manual"), start_type("Portal1", "W3SVC", "Automatic"),
    ),
    Broken(
        "one site is stopped", "Portal2", "every site answers,", "MgmtSvc-AdminSite: ",
        site("Stop"), site("Start"),
    ),
    Broken(
        "another certificate behind the name", FRONT, "every site answers with", "port 443: .*certificate",
        on_both("Portal1", "Portal2", OTHER_CERTIFICATE), on_both("Portal1", "Portal2", OWN_CERTIFICATE),
    ),
    Broken(
        "another certificate on one node", "Portal2", "every site answers as", "port 443: .*certificate",
        shell("Portal2", OTHER_CERTIFICATE), shell("Portal2", OWN_CERTIFICATE),
    ),
    Broken(
        "the clients' rule is disabled", "Portal2", "firewall: TCP 443", "enabled is False",
        firewall("Portal2", "clients", "Disable"), firewall("Portal2", "clients", "Enable"),
    ),
    Broken(
        "the administrators' rule blocks", "Portal2", "firewall: TCP 30072", "action is Block",
        firewall("Portal2", "administrators", "Set", "-Action Block"),
        firewall("Portal2", "administrators", "Set", "-Action Allow"),
    ),
    Broken(
        "the interfaces are open from anywhere", "Portal2", "firewall: TCP 30004", "remote is Any",
        firewall("Portal2", "servers", "Set", "-RemoteAddress Any"), opened_again,
    ),
    Broken(
        "a rule of the installer is on", "Portal1", "firewall: the installer", "open to everybody: MgmtSvc-AdminAPI",
        shell("Portal1", "Enable-NetFirewallRule -DisplayName 'MgmtSvc-AdminAPI (HTTPS-In)'"),
        shell("Portal1", "Disable-NetFirewallRule -DisplayName 'MgmtSvc-AdminAPI (HTTPS-In)'"),
    ),
    Broken(
        "sa is disabled", "SQL2", "admits sa", "refuses sa",
        statements("SQL2", "ALTER LOGIN sa DISABLE"), statements("SQL2", "ALTER LOGIN sa ENABLE"),
    ),
    Broken(
        "the endpoint is stopped", "SQL2", "AlwaysOn enabled", "state is STOPPED, not STARTED",
        statements("SQL2", ENDPOINT.format("STOPPED")), statements("SQL2", ENDPOINT.format("STARTED")),
    ),
    Broken(
        "a partner may not connect", "SQL2", "AlwaysOn enabled", r"access is missing for HYPERVNU\\SVC_SQL",
        statements("SQL2", r"REVOKE CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\SVC_SQL]"),
        statements("SQL2", r"GRANT CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\SVC_SQL]"),
    ),
    Broken(
        "AlwaysOn goes with the next start", "SQL2", "AlwaysOn enabled", "restart is pending on SQL2",
        always_on(0), always_on(1),
    ),
    Broken(
        "SQL Server does not start with the machine", "SQL1", "its services", "MSSQLSERVER does not start with",
        start_type("SQL1", "MSSQLSERVER", "Manual"), start_type("SQL1", "MSSQLSERVER", "Automatic"),
    ),
    Broken(
        "the cluster service is disabled", "SQL2", "its services", "ClusSvc does not start with the machine",
        start_type("SQL2", "ClusSvc", "Disabled"), start_type("SQL2", "ClusSvc", "Automatic"),
    ),
    Broken(
        "the witness is away", "sqlcluster", "has quorum", r"down: \\\\FILE\\SQLAG",
        machine(power.disconnect, "FILE"), machine(power.connect, "FILE"),
    ),
    Broken(
        "a replica does not follow", "SQL", "has a primary", "SQL2 to connect",
        statements("SQL2", ENDPOINT.format("STOPPED")), statements("SQL2", ENDPOINT.format("STARTED")),
    ),
    Broken(
        "failover by hand only", "SQL", "every replica has its declared modes", "failover mode of SQL2 is MANUAL",
        statements("SQL1", f"{REPLICA} (FAILOVER_MODE = MANUAL)"),
        statements("SQL1", f"{REPLICA} (FAILOVER_MODE = AUTOMATIC)"),
    ),
    Broken(
        "the cluster may not see one server", "SQL", "the failover cluster may", "VIEW SERVER STATE on SQL2",
        statements("SQL2", r"REVOKE VIEW SERVER STATE TO [NT AUTHORITY\SYSTEM]"),
        statements("SQL2", r"GRANT VIEW SERVER STATE TO [NT AUTHORITY\SYSTEM]"),
    ),
    Broken(
        "the listener is elsewhere", LISTENER, "leads to the primary", "does not answer",
        group("MODIFY LISTENER N'sql' (PORT = 1444)"), group("MODIFY LISTENER N'sql' (PORT = 1433)"),
    ),
    Broken(
        "a copy is suspended", DATABASE, "follows on every replica", r"SQL2: suspended",
        statements("SQL2", f"ALTER DATABASE [{DATABASE}] SET HADR SUSPEND"),
        statements("SQL2", f"ALTER DATABASE [{DATABASE}] SET HADR RESUME"),
    ),
    Broken(
        "no log backup for a week", DATABASE, "its log is backed up", "no log backup in 7 days, waits for LOG_BACKUP",
        database_age(7), database_age(0),
    ),
    Broken(
        "a login is missing", "logins", "the same on every replica", "MgmtSvc-Usage on SQL2: missing",
        statements("SQL2", "DROP LOGIN [MgmtSvc-Usage]"), lambda farm: mirror_again(farm),
    ),
    Broken(
        "another password on one server", "SPF2", "lets SVC_SPF_REG in", "HTTP 401",
        shell("SPF2", PASSWORD.replace("{}", "Another-Password-1!")),
        shell("SPF2", PASSWORD.replace("{}", SECRETS["spfAccountPassword"])),
    ),
    Broken(
        "the account is disabled everywhere", SPF, "lets SVC_SPF_REG in", "HTTP 401",
        spf_accounts("-bor"), spf_accounts("-bxor"),
    ),
    Broken(
        "SPF refuses the portal", "Portal1", "calls SPF", ".+",
        on_both("SPF1", "SPF2", PASSWORD.replace("{}", "Another-Password-1!")),
        on_both("SPF1", "SPF2", PASSWORD.replace("{}", SECRETS["spfAccountPassword"])),
    ),
    Broken(
        "an operator is removed", "Portal1", "members of", r"HYPERVNU\\WAP Administrators is missing",
        shell("Portal1", OPERATORS.format("Remove")), shell("Portal1", OPERATORS.format("Add")),
    ),
    Broken(
        "the plan has another name", "Portal2", "sees the plan", "it sees 0 plans",
        plan_named(PLAN, "Another name"), plan_named("Another name", PLAN),
    ),
    Broken(
        "a site sends visitors to a machine", FRONT, "MgmtSvc-AdminSite leads", "which is the name of Portal2",
        trust("AdminSite", "Authentication.IdentityProvider"), trusts_again("AdminSite"),
    ),
]  # fmt: skip


def mirror_again(farm: Any) -> None:
    piece = of_the_stack(farm, farm.pieces()["logins"])
    piece.update(piece.create())


class Looking(FarmHere):
    """A farm that is looked at as ``verify`` does."""

    def look(self, member: str, checked: str) -> Row:
        """The row of one check, asked now."""
        LOG_ONS.forget(*self.remote.hosts.sql_servers, *self.spf_addresses())
        context = self.context()
        context.remote.log_off()  # as a process of its own, which has no connection yet
        checks = [one.check for one in machines.reach(context)]
        checks += [check for level in levels.LEVELS for check in level(context)]
        (check,) = [one for one in checks if one.member == member and one.checked.startswith(checked)]
        return check.row()

    def context(self) -> configuration.Context:
        secrets = {key: SECRETS[key] for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword")}
        values = {
            "topology": str(self.topology),
            "hosts": self.hosts,
            "credentials": self.credentials,
            "authorities": str(self.lab_folder / "authority" / "ca.pem"),
        }
        return configuration.context({**values, **secrets})

    def spf_addresses(self) -> list[str]:
        port = self.model.spf.port
        return [f"{self.hosts[name]['address']}:{port}" for name in ("SPF1", "SPF2", SPF)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    farm = Looking(tmp_path_factory.mktemp("rows"))
    farm.bring_up()
    with farm.running():
        yield farm


def test_all_is_well(farm: Looking) -> None:
    report = verify.verified(farm.context())
    assert [row for row in report.rows if not row.ok] == []
    assert {row.checked for row in report.rows if row.status is Status.WARNING} == {"its log is backed up"}
    assert report.closing_line() == f"{len(report.rows)} of {len(report.rows)} hold, 5 of them with a warning."


def test_the_doctor_finds_what_this_stack_made_well(farm: Looking) -> None:
    """What exists is not to be taken over where a claim says that it is this program's."""
    rows = json.loads(farm.operations("doctor", "--json").output)["rows"]
    assert [row for row in rows if row["verdict"] == "wrong"] == []
    assert sum(row["looked_at"].startswith("existing: ") for row in rows) > 5


def test_the_contract_cases_of_a_portal_server_hold(farm: Looking) -> None:
    """Those that need no more hold on a farm of their own (``tests/contract``)."""
    chosen = [case for case in cases() if case.needs not in WHERE]
    before = documents(farm)
    results = run_all(farm.remote, "Portal1", chosen, lambda _: None)
    assert [(one.case.name, one.came) for one in results if one.outcome is not Outcome.HELD or one.left] == []
    assert len(results) >= 5
    quiet = {"event", "account"}
    assert [str(one) for one in differences(before, documents(farm)) if one.kind not in quiet] == []
    away = run_all(farm.remote, "SQL1", chosen, lambda _: None)
    assert {one.outcome for one in away} == {Outcome.NOT_RUN}


def runbook(farm: Looking) -> str:
    farm.remote.looks.forget()
    done = farm.operations("runbook")
    assert done.ok, done.output
    return done.output


def test_the_runbook_says_what_up_then_does(farm: Looking) -> None:
    assert "\nNothing: all " in runbook(farm)
    statements("SQL2", "ALTER LOGIN sa DISABLE")(farm)
    statements("SQL1", f"{REPLICA} (FAILOVER_MODE = MANUAL)")(farm)
    site("Stop", "MgmtSvc-TenantSite")(farm)
    shell("Portal1", OPERATORS.format("Remove"))(farm)
    reported = re.findall(r"^\d+\. (.*)$", runbook(farm), re.MULTILINE)
    sentences = {
        "On SQL2, enable the login sa.",
        "On SQL1, set the failover mode of SQL2 in SQL to AUTOMATIC.",
        "On Portal2, start MgmtSvc-TenantSite.",
        r"On Portal1, add HYPERVNU\\WAP Administrators to the local group MgmtSvc Operators.",
    }
    assert set(reported) == sentences
    done = farm.up()
    assert done.ok, done.output[-4000:]
    for sentence in sentences:
        assert sentence.replace("\\\\", "\\") in done.output
    assert "\nNothing: all " in runbook(farm)


def test_the_report_shows_the_farm_and_what_is_wrong_with_it(farm: Looking) -> None:
    name = "<script>alert(1)</script>"
    farm.sql("SQL1", f"CREATE LOGIN [{name}] WITH PASSWORD = 'Report-Login-1!'")
    farm.sql("SQL1", f"CREATE USER [{name}] FOR LOGIN [{name}]", database=DATABASE)
    power.disconnect(farm.world, "SPF2")
    try:
        done = farm.operations("report", "--file", "farm.html", "--json")
    finally:
        power.connect(farm.world, "SPF2")
        farm.sql("SQL1", f"DROP USER [{name}]", database=DATABASE)
        farm.sql("SQL1", f"DROP LOGIN [{name}]")
    assert done.code == 1, done.output
    reported, end = json.JSONDecoder().raw_decode(done.output, done.output.index("{"))
    assert re.fullmatch(
        r"The farm is not as it should be: .* The report is in farm\.html\.", last_line(done.output[end:])
    )
    states = {machine["name"]: machine["status"] for machine in reported["machines"]}
    wanted = {"Portal1": "ok", "Portal2": "ok", "SPF1": "ok", "SPF2": "wrong", "SQL1": "ok", "SQL2": "ok"}
    assert states == {**wanted, "FILE": "not checked"}
    assert reported["not_looked_at"] == {"certificates": ["SPF2 does not answer"]}
    assert [row["name"] for row in reported["logins"]["differing"]] == [name]
    assert {copy["state"] for one in reported["databases"] for copy in one["copies"]} == {"SYNCHRONIZED"}
    assert {(one["kind"], one["result"]) for one in reported["updates"]} == {("update", "succeeded")}
    assert reported["updates"][0]["steps"] == 4
    places = {place for one in reported["certificates"] for place in one["places"]}
    assert {"Portal1, MgmtSvc-TenantSite", "SPF1, SPF", "SQL2, SQL Server", "SQL2, WinRM"} <= places
    html = (farm.project / "farm.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not any(secret in html for secret in SECRETS.values())


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize("broken", ROWS, ids=lambda broken: broken.name)
def test_a_row_says_what_is_broken(farm: Looking, broken: Broken) -> None:
    broken.by_hand(farm)
    try:
        row = eventually(farm, broken, broken.status)
        assert re.search(broken.found, row.found), row
    finally:
        broken.mend(farm)
    again = eventually(farm, broken, Status.OK, Status.WARNING)
    assert again.ok, again


def eventually(farm: Looking, broken: Broken, *wanted: Status) -> Row:
    """The row as soon as it has a status; as it is after ten seconds."""
    end = time.monotonic() + 10
    while True:
        row = farm.look(broken.member, broken.checked)
        if row.status in wanted or time.monotonic() > end:
            return row
        time.sleep(0.2)


def test_every_row_was_tried(farm: Looking) -> None:
    context = farm.context()
    checks: list[Check] = [one.check for one in machines.reach(context)]
    checks += [check for level in levels.LEVELS for check in level(context)]
    untried = {check.checked for check in checks if not any(check.checked.startswith(one.checked) for one in ROWS)}
    untried -= {check.checked for check in unverified.checks(context)}  # these say what nobody looks at
    assert untried == {
        "every feature is configured",  # tests/e2e/test_trouble.py
        "sees SPF registered once",  # tests/e2e/test_drift.py deletes it
        "MgmtSvc-TenantSite leads to no machine's own name",
    }


GUEST = r"HKLM:\SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters"
UNINSTALL = r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"


ROLLUP = f"""
[void](New-Item '{UNINSTALL}\\ur')
Set-ItemProperty '{UNINSTALL}\\ur' -Name DisplayName -Value 'Windows Azure Pack'
Set-ItemProperty '{UNINSTALL}\\ur' -Name DisplayVersion -Value '3.25'"""


def host(node: str, name: str) -> Hand:
    return shell(node, f"Set-ItemProperty '{GUEST}' -Name PhysicalHostName -Value '{name}'")


def changed(make: Callable[[Lab], changes.Change]) -> tuple[Hand, Hand]:
    """What no script brings about, and its end."""
    made: list[changes.Change] = []
    return world(lambda here: made.append(make(here))), lambda farm: made.pop().undo()


def votes(sql1: int, sql2: int, witness: str) -> tuple[Hand, Hand]:
    return changed(lambda lab: changes.failover_cluster(lab, votes={"SQL1": sql1, "SQL2": sql2}, witness=witness))


SHARE = r"\\FILE\SQLAG"
SHOWN_ALWAYS = {
    "Portal1 has one network card in a unicast cluster",
    "Portal2 has one network card in a unicast cluster",
}
RISKS = [
    ("one host for both nodes", "HOST1 runs Portal1 and Portal2", host("Portal2", "HOST1"), host("Portal2", "HOST2")),
    ("one host for both replicas", "HOST1 runs SQL1 and SQL2", host("SQL2", "HOST1"), host("SQL2", "HOST2")),
    ("no witness", "2 nodes vote and no witness does", *votes(1, 1, "")),
    ("the witness on a node", "the loss of SQL1 breaks the quorum", *votes(1, 1, r"\\SQL1\Witness")),
    ("a vote taken away", "the loss of SQL1 breaks the quorum", *votes(1, 0, "")),
    (
        "one domain controller", "hyper-v.nu has one domain controller, 172.31.5.10",
        *changed(lambda lab: changes.dns(lab, "hyper-v.nu", "172.31.5.10")),
    ),
    (
        "one DNS server", "Portal2 knows only the DNS server 172.31.5.10",
        *changed(lambda lab: changes.network_card(lab, "Portal2", "Ethernet", dns=["172.31.5.10"])),
    ),
    (
        "nobody takes over", "no replica takes over by itself from SQL1",
        statements("SQL1", f"{REPLICA} (FAILOVER_MODE = MANUAL)"),
        statements("SQL1", f"{REPLICA} (FAILOVER_MODE = AUTOMATIC)"),
    ),
    (
        "a short session time-out", "session time-out of SQL2: 5 s",
        statements("SQL1", f"{REPLICA} (SESSION_TIMEOUT = 5)"), statements("SQL1", f"{REPLICA} (SESSION_TIMEOUT = 10)"),
    ),
    (
        "only a dead server counts", "failure condition level 1",
        group("SET (FAILURE_CONDITION_LEVEL = 1)"), group("SET (FAILURE_CONDITION_LEVEL = 3)"),
    ),
    (
        "a hang is noticed late", "health check time-out 120 s",
        group("SET (HEALTH_CHECK_TIMEOUT = 120000)"), group("SET (HEALTH_CHECK_TIMEOUT = 30000)"),
    ),
    (
        "no failover at all", "0 failovers in 6 h",
        *changed(lambda lab: changes.group_resource(lab, "SQL", failover_threshold=0)),
    ),
    (
        "a login on one server only", "MgmtSvc-Usage on SQL2: missing",
        statements("SQL2", "DROP LOGIN [MgmtSvc-Usage]"), mirror_again,
    ),
    (
        "another certificate", "the nodes have different certificates",
        shell("Portal2", OTHER_CERTIFICATE), shell("Portal2", OWN_CERTIFICATE),
    ),
    (
        "a node waits for an administrator", "Portal2 does not start load balancing",
        start_state("Stopped"), start_state("Started"),
    ),
    (
        "an update on one node", "the portal's packages of the tier portal differs: Portal1: Windows Azure Pack 3.25",
        shell("Portal1", ROLLUP), shell("Portal1", f"Remove-Item '{UNINSTALL}\\ur'"),
    ),
]  # fmt: skip


def risks(farm: Looking) -> set[str]:
    """What the audit finds beside backups, which a new farm does not have."""
    LOG_ONS.forget(*farm.remote.hosts.sql_servers)
    found = audit.audited(farm.context())
    assert [row for row in found if row.verdict is Verdict.UNKNOWN] == []
    assert all(row.effect and row.remedy for row in found if row.verdict is Verdict.RISK)
    return {row.what for row in found if row.verdict is Verdict.RISK and row.looked_at != "backups"}


def test_a_farm_that_is_well_has_no_other_risk(farm: Looking) -> None:
    assert risks(farm) == SHOWN_ALWAYS
    backups = [row.what for row in audit.audited(farm.context()) if row.looked_at == "backups"]
    assert any(what.startswith(f"{DATABASE}: no log backup in ") for what in backups)


@pytest.mark.parametrize(("found", "by_hand", "mend"), [one[1:] for one in RISKS], ids=[one[0] for one in RISKS])
def test_the_audit_finds(farm: Looking, found: str, by_hand: Hand, mend: Hand) -> None:
    by_hand(farm)
    try:
        seen = risks(farm) - SHOWN_ALWAYS
        assert any(found in what for what in seen), seen
    finally:
        mend(farm)
    end = time.monotonic() + 10
    while left := risks(farm) - SHOWN_ALWAYS:
        assert time.monotonic() < end, left


def test_the_audit_of_a_farm_without_a_server(farm: Looking) -> None:
    power.stop(farm.world, "SPF2")
    try:
        found = audit.audited(farm.context())
    finally:
        power.start(farm.world, "SPF2")
    unknown = {row.looked_at for row in found if row.verdict is Verdict.UNKNOWN}
    assert unknown == {
        "Service Provider Foundation: Hyper-V hosts",
        "Service Provider Foundation: versions",
        "DNS servers",
    }
    assert audit.exit_code([row for row in found if row.verdict is not Verdict.RISK]) == 2


@pytest.mark.parametrize("stopped", ["SQL2", "Portal1"])
def test_a_machine_that_is_down_is_one_row(farm: Looking, stopped: str) -> None:
    power.stop(farm.world, stopped)
    try:
        time.sleep(1)
        report = verify.verified(farm.context())
        wrong = [row for row in report.rows if row.status is Status.WRONG]
        assert [(row.member, row.checked) for row in wrong] == [(stopped, "WinRM answers, certificate trusted")], wrong
        own = [row for row in report.rows if row.member == stopped and row.level != unverified.LEVEL]
        assert {row.status for row in own[1:]} == {Status.UNCHECKED}
        assert f"what fails: {stopped} (does not answer), " in report.closing_line()
        assert report.working == (FRONT, LISTENER, SPF)
    finally:
        power.start(farm.world, stopped)
    end = time.monotonic() + 30
    while failed := verify.verified(farm.context()).failed:
        assert time.monotonic() < end, failed
