"""A farm in trouble: a failover without the mirrored logins, a proof that fails, and servers that stop.

One farm for the whole module. Every test begins and ends with a healthy farm, with the primary on SQL1.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from components.steps import load_script
from remote.errors import MachineError
from remote.http import Answer, HttpError, get
from remote.secret import Secret
from tests.e2e.farm import NETWORK, SECRETS, Farm

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ADMIN_SITE = 30091
PROOF_SECONDS = 6
"""How long the proof waits for the sites: long enough for a failover at this pace, and short enough to see it fail."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("trouble"))
    farm.bring_up()
    topology = farm.topology.read_text(encoding="utf-8")
    assert "\n  site_seconds: 180\n" in topology
    shorter_proof = topology.replace("\n  site_seconds: 180\n", f"\n  site_seconds: {PROOF_SECONDS}\n")
    farm.topology.write_text(shorter_proof, encoding="utf-8")
    with farm.running():
        shorter = farm.up()
        assert shorter.ok, shorter.output[-4000:]
        yield farm


# By hand -----------------------------------------------------------------------------------------------------


def eventually(question: Callable[[], str], seconds: float = 30) -> None:
    """Ask until nothing is missing; fail with what still is."""
    end = time.monotonic() + seconds
    while missing := question():
        assert time.monotonic() < end, missing
        time.sleep(0.2)


def status(farm: Farm, machine: str, port: int = ADMIN_SITE) -> int:
    """What a site answers on one node; 0 for no answer."""
    try:
        return farm.remote.https(machine, port, verify=False).status
    except HttpError:
        return 0


def failed_logons(farm: Farm, machine: str, since: str) -> list[str]:
    return farm.remote.powershell(machine).run(
        load_script("portal/read_failed_logons.ps1"), {"Since": since}, attempted="read the event log"
    )


def clock(farm: Farm, machine: str) -> str:
    return str(
        farm.remote.powershell(machine).run(load_script("windows/read_clock.ps1"), attempted="read the clock")[0]
    )


def primary(farm: Farm) -> str:
    """The primary as its own replica says."""
    for machine in ("SQL1", "SQL2"):
        rows = farm.sql(machine, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1")
        if [row["role_desc"] for row in rows] == ["PRIMARY"]:
            return machine
    return ""


def unready(farm: Farm, machine: str) -> str:
    """Which databases on a replica would lose data in a failover."""
    rows = farm.sql(
        machine,
        "SELECT database_name FROM sys.dm_hadr_database_replica_cluster_states AS s"
        " JOIN sys.availability_replicas AS r ON r.replica_id = s.replica_id"
        " WHERE r.replica_server_name = @@SERVERNAME AND s.is_failover_ready = 0",
    )
    return ", ".join(row["database_name"] for row in rows)


def fail_over(farm: Farm, machine: str) -> None:
    """What an administrator does: wait until nothing can be lost, then the planned failover, on the target."""
    eventually(lambda: unready(farm, machine))
    farm.sql(machine, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    eventually(lambda: "" if primary(farm) == machine else f"{machine} is not the primary")


def drop_logins(farm: Farm, machine: str) -> list[str]:
    """Drop every mirrored login on one replica."""
    names: list[str] = farm.outputs()["mirroredLogins"].split(", ")
    assert len(names) > 10
    for name in names:
        farm.sql(machine, f"DROP LOGIN [{name}]")
    return names


def report(farm: Farm) -> tuple[int, list[dict[str, str]]]:
    """Exit code of a verification, and the rows that are not as they should be."""
    done = farm.operations("verify", "--json")
    document, _ = json.JSONDecoder().raw_decode(done.output[done.output.index("{") :])
    return done.code, [row for row in document["rows"] if not row["ok"]]


def healthy(farm: Farm) -> str:
    code, rows = report(farm)
    return "" if code == 0 else json.dumps(rows, indent=1)


def unsettled(farm: Farm) -> str:
    """What is still under way on the servers: asked before a verification, which costs far more."""
    try:
        return unready(farm, "SQL1") or unready(farm, "SQL2") or serves(farm, "Portal1")
    except MachineError as error:
        return str(error)


def well(farm: Farm, seconds: float) -> None:
    """Wait until the farm's verification has nothing to say."""
    eventually(lambda: unsettled(farm), seconds)
    eventually(lambda: healthy(farm), seconds)


# Logins ------------------------------------------------------------------------------------------------------


def test_a_failover_without_the_mirror_breaks_the_portal_and_up_repairs_it(farm: Farm) -> None:
    since = clock(farm, "Portal1")
    assert (status(farm, "Portal1"), status(farm, "Portal2")) == (302, 302)
    names = drop_logins(farm, "SQL2")
    fail_over(farm, "SQL2")

    for node in ("Portal1", "Portal2"):
        assert status(farm, node) == 500
        events = failed_logons(farm, node, since)
        assert any(event.startswith("Login failed for user 'MgmtSvc-AdminSite'") for event in events), events
    code, rows = report(farm)
    assert code == 1
    logins = next(row for row in rows if row["member"] == "logins")
    assert all(f"{name} on SQL2: missing" in logins["found"] for name in names)
    sites = [row for row in rows if row["checked"].startswith("every site answers, no failed log-on")]
    assert {row["member"] for row in sites} == {"Portal1", "Portal2"}
    assert "MgmtSvc-AdminSite: HTTP 500" in sites[0]["found"]

    done = farm.up()
    assert done.ok, done.output[-4000:]
    assert (status(farm, "Portal1"), status(farm, "Portal2")) == (302, 302)
    well(farm, 60)
    assert primary(farm) == "SQL2"  # the policy `build` leaves it where an administrator put it
    fail_over(farm, "SQL1")
    assert (status(farm, "Portal1"), status(farm, "Portal2")) == (302, 302)
    well(farm, 60)


def test_the_mirror_makes_the_same_failover_harmless(farm: Farm) -> None:
    since = clock(farm, "Portal1")
    fail_over(farm, "SQL2")
    eventually(lambda: "" if status(farm, "Portal1") == status(farm, "Portal2") == 302 else "the sites are away")
    after = clock(farm, "Portal1")
    assert [e for e in failed_logons(farm, "Portal1", since) if e.startswith("Login failed")] == []
    assert status(farm, "Portal1") == 302
    assert failed_logons(farm, "Portal1", after) == []
    fail_over(farm, "SQL1")
    well(farm, 60)


def test_a_proof_without_the_logins_fails_by_name_and_brings_the_primary_back(farm: Farm) -> None:
    """Only the proof is a target, so that nothing repairs the logins before it."""
    resources = farm.export()["deployment"]["resources"]
    proof = next(one["urn"] for one in resources if one["urn"].endswith("::failover-proof"))
    drop_logins(farm, "SQL2")
    asked = farm.pulumi("config", "set", "prove", "after the logins went away")
    assert asked.ok, asked.output
    done = farm.pulumi("up", "--yes", "--skip-preview", "--target", proof)
    assert not done.ok, done.output[-4000:]
    errors = [line for line in done.output.splitlines() if "See every site of the portal work with SQL2" in line]
    assert errors, done.output[-4000:]
    for part in ("Login failed for user 'MgmtSvc-AdminSite'", "event 12 on Portal1", "The primary is back on SQL1."):
        assert part in errors[-1], errors[-1]
    assert primary(farm) == "SQL1"
    assert status(farm, "Portal1") == 302

    done = farm.up()  # the mirror, and then the proof that is still asked for
    assert done.ok, done.output[-4000:]
    assert primary(farm) == "SQL1"
    well(farm, 60)
    kept = farm.sql("SQL2", "SELECT name FROM sys.sql_logins")
    assert set(farm.outputs()["mirroredLogins"].split(", ")) <= {row["name"] for row in kept}


# Servers that stop -------------------------------------------------------------------------------------------


def through(farm: Farm, last: int, port: int, name: str, **how: object) -> Answer:
    """An answer through a virtual address, with its certificate verified."""
    authorities = str(farm.lab_folder / "authority" / "ca.pem")
    return get(f"127.{NETWORK}.5.{last}", port, name, authorities=authorities, **how)  # type: ignore[arg-type]


def serves(farm: Farm, portal_node: str) -> str:
    """What a tenant, an administrator, the portal and an application would miss; empty when nothing is."""
    missing = []
    account = ("SVC_SPF_REG", Secret(SECRETS["spfAccountPassword"]))
    spf = "/SC2012/Admin/Microsoft.Management.Odata.svc/"
    questions: dict[str, Callable[[], object]] = {
        "the tenants' site through portal.hyper-v.nu": lambda: through(farm, 150, 443, "portal.hyper-v.nu").status,
        f"the administrators' site of {portal_node}": lambda: status(farm, portal_node),
        "SPF through spf.hyper-v.nu": lambda: (
            through(farm, 140, 8090, "spf.hyper-v.nu", path=spf, account=account).status
        ),
        "the listener": lambda: len(
            farm.remote.listener("SQL2", "sql.hyper-v.nu", 1433).rows(
                "SELECT name FROM [Microsoft.MgmtSvc.Store].sys.tables", attempted="ask through the listener"
            )
        ),
    }
    for what, look in questions.items():
        try:
            found = look()
        except (HttpError, MachineError) as error:
            found = str(error)
        if found not in (200, 302) and not (what == "the listener" and isinstance(found, int) and found > 0):
            missing.append(f"{what}: {found}")
    return "; ".join(missing)


@pytest.mark.parametrize("machine", ["Portal1", "SPF1", "SQL1"])
def test_any_one_server_may_stop(farm: Farm, machine: str) -> None:
    assert serves(farm, "Portal1") == ""
    survivor = "Portal2" if machine == "Portal1" else "Portal1"
    stopped = farm.lab("fault", "stop", machine)
    assert stopped.ok, stopped.output
    try:
        eventually(lambda: serves(farm, survivor))
        for _ in range(5):
            assert serves(farm, survivor) == ""
        code, rows = report(farm)
        assert code == 1
        assert machine in {row["member"] for row in rows}  # the verification names what is gone
    finally:
        started = farm.lab("fault", "start", machine)
    assert started.ok, started.output
    well(farm, 90)
    assert serves(farm, "Portal1") == ""
    preview = farm.preview()
    assert preview.ok, preview.output[-4000:]
    assert re.search(r"Resources:\n +\d+ unchanged\n", preview.output), preview.output[-3000:]
    changed = re.findall(r"^ +[-+~] +\w+ *:", preview.output.split("--outputs:--")[-1], re.MULTILINE)
    # Windows decides who is the primary after a crash; the policy `build` reports it as the output and lets it be.
    assert [" ".join(line.split()) for line in changed] == (["~ primary :"] if machine == "SQL1" else [])
    if primary(farm) != "SQL1":
        assert machine == "SQL1"
        fail_over(farm, "SQL1")
        well(farm, 60)


@pytest.mark.parametrize("unreachable", ["SQL2", "SQL1"])
def test_the_others_are_looked_after_while_a_replica_is_down(farm: Farm, unreachable: str) -> None:
    """SQL1 keeps the claims and marks of the group, SQL2 takes over its role meanwhile."""
    other = "SQL1" if unreachable == "SQL2" else "SQL2"
    topology = farm.topology.read_text(encoding="utf-8")
    if "unreachable:" not in topology:
        assert "\nsql:\n" in topology
        farm.topology.write_text(topology.replace("\nsql:\n", "\nsql:\n  unreachable: proceed\n"), encoding="utf-8")
    first = farm.up()
    assert first.ok, first.output[-4000:]
    stopped = farm.lab("fault", "stop", unreachable)
    assert stopped.ok, stopped.output
    try:
        eventually(lambda: serves(farm, "Portal1"))
        quiet = farm.up()
        assert quiet.ok, quiet.output[-4000:]
        assert re.search(r"\n +\d+ unchanged\n", quiet.output), quiet.output[-4000:]
        assert f"{unreachable} does not answer" in quiet.output
        farm.sql(other, r"REVOKE VIEW SERVER STATE TO [NT AUTHORITY\SYSTEM]")
        repaired = farm.up()
        assert f'~ access: "missing: VIEW SERVER STATE on {other}" => "granted"' in repaired.output
        # Something changed, so the farm is verified: that does not overlook that a server is away.
        assert not repaired.ok
        assert unreachable in repaired.output.split("error:", 1)[1]
    finally:
        started = farm.lab("fault", "start", unreachable)
    assert started.ok, started.output
    if unreachable == "SQL1":
        fail_over(farm, "SQL1")
    well(farm, 90)
    done = farm.up()
    assert done.ok, done.output[-4000:]


def test_another_preferred_primary_is_no_reason_to_prove_the_failover_again(farm: Farm) -> None:
    topology = farm.topology.read_text(encoding="utf-8")
    assert "preferred_primary: SQL1" in topology
    farm.topology.write_text(topology.replace("preferred_primary: SQL1", "preferred_primary: SQL2"), encoding="utf-8")
    done = farm.pulumi("up", "--yes", "--skip-preview")
    assert done.ok, done.output[-4000:]
    assert "Record that the failover of SQL is proved." in done.output
    assert "See every site of the portal work" not in done.output
    assert primary(farm) == "SQL2"
