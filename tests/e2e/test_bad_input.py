"""Bad input: each case is one clear line, and what it left is finished by the next ``up`` with the input corrected.

The farm is built once, by the real CLI, from one mistake to the next. Refusals that need no ``up`` of their own call
the provider with its real connections to the same lab; what these leave behind is finished by the ``up`` s as well.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.portal.interface import admin_call
from components.portal.plan import PlanInputs
from components.resource.lease import Leases, leases_of
from components.resource.machine_claims import MachineClaims, machines
from components.resource.ownership import Owner
from components.resource.stack import StackProvider
from components.steps import load_script
from lab.testing import changes, winrm
from lab.testing.authority import Authority, authority_of
from lab.testing.windows import failed_log_ons
from operations.leftovers import Known, Leftovers
from remote.errors import MachineError
from tests.e2e.drifts import DISABLE_HADR
from tests.e2e.farm import NETWORK, SECRETS, Result
from tests.e2e.lab_here import FarmHere, Piece, of_the_stack

WRONG = "Wrong-Secret-99!"
SIMPLE = "simplephrase"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("bad"))
    with farm.running():
        farm.make_stack()
        yield farm


@pytest.fixture(scope="module")
def pieces(farm: FarmHere) -> dict[str, Piece]:
    return farm.pieces()


# How a message has to look ------------------------------------------------------------------------------------------

PYTHON = re.compile(r"Traceback|File \"|<class|object at 0x|\w+Error\b|\bNone\b|(?:remote|components|pyodbc)\.\w+|\{'")


def clear(message: str) -> str:
    """A message that an operator can read: no Python in it and no secret."""
    assert not (found := PYTHON.search(message)), f"{found}: {message}"
    for secret in (*SECRETS.values(), WRONG, SIMPLE):
        assert secret not in message
    return message


def refusal(piece: Piece) -> str:
    """The one line with which a resource refuses to be made."""
    with pytest.raises(MachineError) as caught:
        piece.create()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return clear(message)


def errors(result: Result) -> list[str]:
    """The lines of an ``up`` or ``preview`` that failed, each once, without the marks that the CLI puts before."""
    assert not result.ok, result.output
    assert "Traceback" not in result.output, result.output
    for secret in (*SECRETS.values(), WRONG, SIMPLE):
        assert secret not in result.output
    lines = [line.strip() for line in result.output.splitlines()]
    # Pulumi's plugin for dynamic resources puts gRPC's words before an exception's own.
    found = [
        line.split("error: ", 1)[1].removeprefix("Exception calling application: ")
        for line in lines
        if "error: " in line
    ]
    own = [line for line in dict.fromkeys(found) if not line.startswith(("update failed", "preview failed"))]
    assert own, result.output
    return [clear(line) for line in own]


def one(lines: list[str], *parts: str) -> str:
    """The line with all of these parts."""
    hits = [line for line in lines if all(part in line for part in parts)]
    assert hits, f"no line with {parts}: {lines}"
    return hits[0]


def scripts(farm: FarmHere) -> int:
    return sum(entry["kind"] == "script" for entry in farm.journal())


@contextlib.contextmanager
def configured(farm: FarmHere, **changed: Any) -> Iterator[None]:
    """The stack's configuration with other plain values; None takes a key away."""
    before = farm.config.read_text(encoding="utf-8")
    document = yaml.safe_load(before)
    for key, value in changed.items():
        if value is None:
            del document["config"][f"windows-azure-pack-ha:{key}"]
        else:
            document["config"][f"windows-azure-pack-ha:{key}"] = value
    farm.config.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        yield
    finally:
        farm.config.write_text(before, encoding="utf-8")


# Before any machine is touched --------------------------------------------------------------------------------------


def refused_at_once(farm: FarmHere) -> list[str]:
    before = scripts(farm)
    lines = errors(farm.up())
    assert scripts(farm) == before, "a machine was asked"
    return lines


def test_a_topology_that_is_not_there(farm: FarmHere) -> None:
    with configured(farm, topology="topologies/nowhere.yaml"):
        lines = refused_at_once(farm)
    one(lines, "topologies/nowhere.yaml", "cannot be read (No such file or directory)", "configuration key topology")


def test_all_mistakes_of_a_topology_at_once(farm: FarmHere) -> None:
    broken = farm.folder / "broken.yaml"
    text = farm.topology.read_text(encoding="utf-8")
    text = text.replace("administrator: sa", "administrator: sa\n  colour: blue").replace("port: 8090", "port: 80900")
    broken.write_text(text.replace("nodes: [Portal1, Portal2]", "nodes: [Portal1, Portal9]"), encoding="utf-8")
    with configured(farm, topology=str(broken)):
        result = farm.up()
    assert not result.ok
    assert "Traceback" not in result.output
    for place, what in (
        ("sql.colour", "is not a key of a topology"),
        ("spf.port", "65535"),
        ("portal.tiers[0].nodes[1]", "Portal9"),
    ):
        line = next((line for line in result.output.splitlines() if place in line), "")
        assert what in line, result.output
        assert re.search(r"broken\.yaml:\d+: ", line)


@pytest.mark.parametrize("key", ["passphrase", "certificates"])
def test_a_key_of_the_configuration_is_missing(farm: FarmHere, key: str) -> None:
    with configured(farm, **{key: None}):
        lines = refused_at_once(farm)
    assert any(key in line for line in lines), lines


def pfx(farm: FarmHere, name: str, **how: Any) -> dict[str, Any]:
    """The configuration's key ``certificates`` with a new file from the lab's authority."""
    file = farm.folder / f"{name}.pfx"
    names = how.pop("names", ["portal.hyper-v.nu"])
    file.write_bytes(authority_of(farm.world).pfx(names, how.pop("password", SECRETS["pfx"]), **how))
    kept = yaml.safe_load(farm.config.read_text(encoding="utf-8"))
    password = kept["config"]["windows-azure-pack-ha:certificates"]["portal"]["password"]
    return {"portal": {"file": str(file), "password": password}}


def test_an_expired_certificate(farm: FarmHere) -> None:
    long_ago = datetime(2012, 1, 1, tzinfo=UTC)
    with configured(farm, certificates=pfx(farm, "expired", not_before=long_ago, valid_days=365)):
        before = scripts(farm)
        lines = errors(farm.preview())
        assert scripts(farm) == before, "a machine was asked"
        # Of either node: the first error ends the preview.
        one(lines, "Portal", ": import the certificate portal", "it expired on 2012-12-31", "Renew it")


def test_a_certificate_for_another_name(farm: FarmHere) -> None:
    with configured(farm, certificates=pfx(farm, "other", names=["www.hyper-v.nu"])):
        one(refused_at_once(farm), "other.pfx", "is for www.hyper-v.nu, not for portal.hyper-v.nu")


def test_a_wrong_password_of_the_certificate(farm: FarmHere) -> None:
    with configured(farm, certificates=pfx(farm, "locked", password=WRONG)):
        one(refused_at_once(farm), "locked.pfx", "wrong password or no PFX file", "Correct `certificates`")


# On the way to the machines -----------------------------------------------------------------------------------------


def test_a_wrong_password(farm: FarmHere) -> None:
    before, failed = scripts(farm), failed_log_ons(farm.world, "hyper-v.nu")["installer"]
    farm.set_secret('credentials["hyper-v.nu"].password', WRONG, path=True)
    try:
        lines = errors(farm.up())
    finally:
        farm.set_secret('credentials["hyper-v.nu"].password', SECRETS["installer"], path=True)
    # The engine stops at the first errors, whichever machines they are on.
    line = one(lines, f"WinRM at 127.{NETWORK}.5.")
    assert re.match(r"\w+: read .*: WinRM at [\d.]+:5986 does not accept the user name or password of HYPERVNU\\", line)
    assert "Correct `credentials`" in line
    assert scripts(farm) == before
    assert failed_log_ons(farm.world, "hyper-v.nu")["installer"] - failed == 1, "on all machines together"


def test_a_stopped_lab(farm: FarmHere) -> None:
    farm.stop_lab()
    try:
        lines = errors(farm.up())
    finally:
        farm.start_lab()
    line = one(lines, f"WinRM at 127.{NETWORK}.5.")
    assert re.match(r"\w+: read .*: WinRM at [\d.]+:5986 does not answer \(", line)
    assert "Connection refused" in line
    assert "Start the machine, or correct its entry in `hosts`" in line


def test_a_stopped_machine(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    assert farm.lab("fault", "stop", "Portal2").ok
    try:
        line = refusal(pieces["Portal2-nlb"])
    finally:
        assert farm.lab("fault", "start", "Portal2").ok
    assert line.startswith("Portal2: read the Windows feature NLB: WinRM at ")
    assert "Start the machine" in line


def test_a_machine_without_credentials(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    reported = farm.settings(credentials={"Portal1": {"username": "x", "password": WRONG}})
    line = refusal(pieces["Portal1-nlb"].reported(reported))
    assert line.startswith("Portal2: find out how to log on: no user name and password for Portal2 or hyper-v.nu")
    assert "Set `credentials` for hyper-v.nu" in line


def test_an_authority_that_is_not_trusted(farm: FarmHere, pieces: dict[str, Piece], tmp_path: Path) -> None:
    assert Authority(tmp_path).certificate
    line = refusal(pieces["Portal1-nlb"].reported(farm.settings(authorities=str(tmp_path / "ca.pem"))))
    assert line.startswith("Portal1: read the Windows feature NLB: the certificate of WinRM at ")
    assert "Put the authority that issued it into the file that `authorities` names" in line


def test_an_expired_certificate_of_winrm(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    long_ago = datetime(2012, 1, 1, tzinfo=UTC)
    expired = authority_of(farm.world).server_certificate(["portal2.hyper-v.nu"], 365, not_before=long_ago)
    with winrm.listener_certificate(farm.world, "Portal2", expired):
        # Connections of its own: the ones of the other tests are open, and ask for no certificate any more.
        reported = farm.settings(hosts={**farm.hosts, "FILE": {"address": f"127.{NETWORK}.5.110", "sqlPort": 1}})
        line = refusal(pieces["Portal2-nlb"].reported(reported))
    assert "the certificate of WinRM at " in line
    assert "certificate has expired" in line
    assert line.endswith("Renew the certificate of portal2.hyper-v.nu.")


# On the SQL Servers -------------------------------------------------------------------------------------------------


def test_an_edition_without_availability_groups(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    with changes.sql_server(farm.world, "SQL2", edition="Standard Edition (64-bit)"):
        line = refusal(pieces["SQL-alwayson"])
    assert line.startswith("SQL2: read its part in the availability group SQL: Standard Edition (64-bit) has no")
    assert "Install SQL Server 2012 Enterprise on every replica" in line


def test_a_server_outside_the_failover_cluster(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    farm.powershell("SQL2", DISABLE_HADR)
    try:
        with changes.failover_cluster(farm.world, members=["SQL1"]):
            line = refusal(pieces["SQL-alwayson"])
    finally:
        pieces["SQL-alwayson"].create()
    assert line.startswith("SQL2: On SQL2, enable AlwaysOn Availability Groups: ")
    assert "See that SQL2 is a node of the failover cluster" in line


def test_a_group_that_the_topology_does_not_let_take_over(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    line = refusal(pieces["SQL"].but(adopt=False))
    assert line.startswith("SQL1: create the availability group SQL: it exists already and was not made by this stack")
    assert f"Set `adopt: true` in {farm.topology}:{farm.line('  adopt:')} (sql)" in line


def test_a_sql_login_that_is_refused(farm: FarmHere) -> None:
    """sa is disabled, and the server takes Windows accounts only. What cannot go another way says so."""
    with pytest.raises(MachineError) as caught:
        farm.remote.sql_odbc("SQL1").run("SELECT 1", attempted="read it")
    line = str(caught.value)
    assert line.startswith("SQL1: read it: SQL Server at ")
    assert "refuses sa (Login failed for user 'sa'." in line
    assert "sqlAdministratorPassword" in line


def test_a_password_that_sql_server_does_not_take(pieces: dict[str, Piece]) -> None:
    line = refusal(pieces["SQL-administrator"].but(password=SIMPLE))
    assert line.startswith("SQL1: On SQL1, set the password of the login sa: Password validation failed.")


# What exists already and is not ours ------------------------------------------------------------------------------


def test_a_local_account_that_is_not_ours(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    by_hand = farm.remote.powershell("SPF2")
    new = {"Name": "SVC_SPF_REG", "Password": WRONG, "Mark": "x"}
    by_hand.run(load_script("windows/create_account.ps1"), new, attempted="create by hand", changes=True)
    try:
        line = refusal(pieces["SPF2-account"])
    finally:
        by_hand.run(load_script("windows/remove_account.ps1"), {"Name": "SVC_SPF_REG"}, attempted="undo", changes=True)
    assert "create the local account SVC_SPF_REG: it exists already and was not made by this stack" in line
    assert f"Add `adopt: true` to spf ({farm.topology}:{farm.line('spf:')}) to take it over, or remove it" in line


def test_a_cluster_that_is_not_ours(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    feature = pieces["Portal1-nlb"].create()
    cluster = pieces["admin-api-cluster"]
    outs = cluster.create()
    provider = cluster.provider()
    claims, resource_id = MachineClaims(farm.remote), provider.resource.resource_id(provider.parse(outs))
    claim = claims.read("Portal1", resource_id)
    assert claim is not None
    claims.remove("Portal1", resource_id)
    line = refusal(cluster)
    claims.write("Portal1", resource_id, claim)
    cluster.delete(outs)
    pieces["Portal1-nlb"].delete(feature)
    assert line.startswith("Portal1: create the NLB cluster portal.hyper-v.nu: it exists already")


def test_two_operators_at_once(farm: FarmHere) -> None:
    """The second one learns of it before its first step; what the first one held is gone with it."""
    everywhere = machines(farm.model)
    first, second, third = (Leases(farm.remote, everywhere, print) for _ in range(3))
    first.take(Owner("p/prod", "1" * 32), "Portal1")
    try:
        with pytest.raises(MachineError, match=r"another operator is at work: .* with the stack p/prod since"):
            second.take(Owner("p/test", "2" * 32), "Portal1")
    finally:
        first.release()
    third.take(Owner("p/test", "2" * 32), "Portal1")
    third.release()
    key = r"Test-Path HKLM:\SOFTWARE\WindowsAzurePackHA\Lease"
    assert [farm.powershell(machine, key) for machine in everywhere] == [[False]] * len(everywhere)


@pytest.fixture
def at_work(farm: FarmHere) -> Iterator[None]:
    """This process works as a stack of its own, and gives its leases back."""
    yield
    leases_of(farm.settings(), print).release()


@pytest.mark.usefixtures("at_work")
def test_what_killed_creates_left_is_listed_and_taken_away(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    """No state knows of it: a destroy would say "done". What is this stack's goes, as its resource's delete does."""
    owner = {"stack": "windows-azure-pack-ha/e2e", "identity": "1" * 32, "resource": "made by a killed run"}
    for name in ("Portal1-nlb", "admin-api-cluster"):
        pieces[name].but(__owner=owner).create()
    other = pieces["Portal2-nlb"].but(__owner={**owner, "identity": "2" * 32})
    outs = other.create()
    leftovers = Leftovers(farm.settings(), Known(owner["stack"], owner["identity"], frozenset()), {})
    look = leftovers.look()
    assert [one.resource_id for one in look.left] == ["nlb-cluster/admin-api", "portal1/feature/nlb"]
    assert look.unread == ()
    assert [leftovers.remove(one) for one in look.left] == ["", ""]
    assert leftovers.look().left == ()
    assert MachineClaims(farm.remote).all("Portal1") == {}
    assert list(MachineClaims(farm.remote).all("Portal2")) == ["portal2/feature/nlb"]
    installed = "(Get-WindowsFeature -Name NLB).Installed"
    assert [farm.powershell(machine, installed) for machine in ("Portal1", "Portal2")] == [[False], [True]]
    other.delete(outs)


@pytest.mark.usefixtures("at_work")
def test_a_stack_does_not_end_while_machines_hold_something_for_it(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    owner = {"stack": "windows-azure-pack-ha/e2e", "identity": "3" * 32}
    outs = pieces["Portal1-nlb"].but(__owner={**owner, "resource": "x"}).create()
    stack = StackProvider(farm.settings())
    held = "machines hold 1 things for it that its state does not know: portal1/feature/nlb"
    with pytest.raises(MachineError, match=held):
        stack.delete("", owner)
    pieces["Portal1-nlb"].delete(outs)
    stack.delete("", owner)


def test_a_feed_that_is_missing(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    feed = farm.lab_folder / "files/file/C/WebPI/feeds/latest/webproductlist.xml"
    feed.rename(feed.with_suffix(".away"))
    try:
        line = refusal(pieces["Portal1-software"])
    finally:
        feed.with_suffix(".away").rename(feed)
    assert line.startswith("Portal1: On Portal1, install Windows Azure Pack (")
    assert r"The offline feed \\FILE\WebPI\feeds\latest\webproductlist.xml is not there or cannot be read." in line


# From one mistake to the next, until the farm stands ----------------------------------------------------------------


def test_a_passphrase_that_is_too_simple(farm: FarmHere) -> None:
    farm.set_secret("passphrase", SIMPLE)
    try:
        lines = errors(farm.up())
    finally:
        farm.set_secret("passphrase", SECRETS["passphrase"])
    line = one(lines, "Portal1: bring about the configuration of Portal1: the passphrase is refused: too simple")
    assert "Set `passphrase` to more than eight characters" in line


def test_a_share_that_cannot_be_written(farm: FarmHere) -> None:
    with changes.share_access(farm.world, "FILE", "SQLAG", {r"HYPERVNU\SVC_SQL": "read"}):
        lines = errors(farm.up())
    line = one(lines, "SQL1: On SQL1, start the log chain of Microsoft.MgmtSvc.Store with a full backup")
    assert "Operating system error 5(Access is denied.)" in line
    assert r"may read and write \\FILE\SQLAG" in line


@pytest.mark.usefixtures("at_work")
def test_a_full_disk(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    assert farm.lab("fault", "fill", "FILE").ok
    try:
        line = refusal(of_the_stack(farm, pieces["Microsoft.MgmtSvc.Store"]))
    finally:
        assert farm.lab("fault", "fill", "FILE", "--empty").ok
    assert line.startswith("SQL1: On SQL1, ")
    assert "There is not enough space on the disk" in line or "insufficient" in line
    assert "and that there is room" in line


def test_a_plan_that_is_not_ours(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    inputs = PlanInputs.model_validate(dict(pieces["plan"].inputs))
    arguments = {**admin_call(inputs.interface, farm.remote), "Name": inputs.name, "State": "Public"}
    farm.remote.forget("Portal1")  # it restarted meanwhile
    portal = farm.remote.powershell("Portal1")
    portal.run(load_script("portal/add_plan.ps1"), arguments, attempted="create by hand", changes=True)
    line = one(errors(farm.up()), "Portal1: create the plan High availability check:")
    assert "it exists already and was not made by this stack" in line
    assert f"Add `adopt: true` to portal > plan (../topology.yaml:{farm.line('  plan: ')}) to take it over" in line
    resource = pieces["plan"].provider().resource
    (theirs,) = resource.observe(inputs, farm.remote).plans
    gone = {**admin_call(inputs.interface, farm.remote), "PlanId": theirs.id}
    portal.run(load_script("portal/remove_plan.ps1"), gone, attempted="remove by hand", changes=True)


@pytest.mark.usefixtures("at_work")
def test_another_passphrase_than_that_of_the_stores(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    """A stack whose state knows the former one changes the stores' (test_refused_accounts); here nothing knows it."""
    line = refusal(of_the_stack(farm, pieces["Portal1-configuration"]).but(passphrase=WRONG))
    assert line.startswith("Portal1: bring about the configuration of Portal1: the stores on sql.hyper-v.nu were made")
    assert "with another passphrase. Set `passphrase` to the one they were made with" in line


@pytest.mark.usefixtures("at_work")
def test_another_passphrase_on_the_node_that_joins(farm: FarmHere, pieces: dict[str, Piece]) -> None:
    of_the_stack(farm, pieces["Portal2-software"]).create()
    line = refusal(of_the_stack(farm, pieces["Portal2-configuration"]).but(passphrase=WRONG))
    assert line.startswith("Portal2: bring about the configuration of Portal2: the stores on sql.hyper-v.nu were made")
    assert not [event for event in farm.journal() if event["machine"] == "Portal2" and "Initialize-" in event["text"]]


def test_a_port_that_another_site_holds(farm: FarmHere) -> None:
    site = "Import-Module WebAdministration; {}-WebBinding -Name 'Default Web Site' -Protocol https -Port 443"
    farm.powershell("Portal2", site.format("New"))
    try:
        lines = errors(farm.up())
    finally:
        farm.powershell("Portal2", site.format("Remove"))
    line = one(lines, "Portal2: bind MgmtSvc-TenantSite to port 443: the site Default Web Site holds this port")
    assert "Move that site to another port" in line


def test_the_corrected_input_finishes_the_farm(farm: FarmHere) -> None:
    done = farm.up()
    assert done.ok, done.output
    again = farm.up()
    assert again.ok, again.output
    assert not re.search(r"^\s+[+~-]\s+\d+ ", again.output, re.MULTILINE), again.output
