"""A farm that was made by hand, whole or half, is taken over: finished, verified, and left again by destroy.

The states are in ``states/``. The lab runs in this process, and the program's resources are made one by one in their
order, as the engine makes them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import progress
from components.portal.databases import DATABASES
from components.steps import load_script
from operations import configuration
from operations.verify import verified
from remote.errors import MachineError
from tests.e2e.far_side import Snapshot, differences, snapshot
from tests.e2e.farm import SECRETS
from tests.e2e.lab_here import FarmHere, Piece
from tests.e2e.lab_state import OURS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NETWORKS = {"finished": 38, "half": 39}
STATES = Path(__file__).parent / "states"
FIRST_NODE = STATES / "first_node.yaml"
SITE = "MgmtSvc-TenantSite"
SHORT = "Microsoft.MgmtSvc."


@dataclass
class TakenOver:
    """The farm, what the program did on it, and what came of that."""

    farm: FarmHere
    by_hand: Snapshot
    """The far side before the program came."""
    pieces: dict[str, Piece]
    """With ``adopt: true`` wherever a topology can say it."""
    outs: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    """The sentences of every resource that did something."""

    def now(self) -> Snapshot:
        return snapshot(self.farm.lab_folder)

    def up(self) -> None:
        for name, piece in self.pieces.items():
            known = {"plan_id": self.outs["plan"]["plan_id"]} if "plan_id" in piece.inputs else {}
            with reported() as sentences:
                self.outs[name] = piece.but(**known).create()
            # A task's progress and what is waited for begin with the machine's name.
            if done := [one for one in sentences if not one.startswith(("Wait until", *self.machines))]:
                self.steps[name] = done

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(f"{machine.name}: " for machine in self.farm.model.machines)

    def destroy(self) -> None:
        for name in reversed(self.pieces):
            self.pieces[name].delete(self.outs.pop(name))

    def not_as_it_should_be(self) -> list[str]:
        values = {
            "topology": str(self.farm.topology),
            "hosts": self.farm.hosts,
            "credentials": self.farm.credentials,
            "authorities": str(self.farm.lab_folder / "authority" / "ca.pem"),
            **{key: SECRETS[key] for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword")},
        }
        return [f"{row.member}: {row.found}" for row in verified(configuration.context(values)).failed]

    @property
    def adopted(self) -> set[str]:
        return {name for name, outs in self.outs.items() if outs["ownership"]["adopted"]}


@contextmanager
def reported() -> Iterator[list[str]]:
    """The sentences that resources report."""
    sentences: list[str] = []
    with progress.listening(sentences.append):
        yield sentences


def taken_over(folder: Path, state: Path, hand: Any) -> Iterator[TakenOver]:
    """A lab with a history, and the program's resources for it."""
    farm = FarmHere(folder, NETWORKS[state.stem])
    with farm.running(by_hand=[FIRST_NODE, state]):
        hand(farm)
        declared = yaml.safe_load(farm.topology.read_text(encoding="utf-8"))
        (tier,) = declared["portal"]["tiers"]
        for part in (tier, tier["cluster"], declared["spf"], declared["portal"]["plan"], *declared["certificates"]):
            part["adopt"] = True
        farm.write_topology(yaml.safe_dump(declared, sort_keys=False))
        yield TakenOver(farm, snapshot(farm.lab_folder), farm.pieces())


def import_certificate(farm: FarmHere, machine: str) -> None:
    pfx = base64.b64encode((farm.lab_folder / "certificates" / "portal.pfx").read_bytes()).decode()
    text = load_script("windows/import_certificate.ps1")
    farm.remote.powershell(machine).run(
        text, {"Pfx": pfx, "Password": SECRETS["pfx"]}, attempted="import by hand", changes=True
    )


def move_site(farm: FarmHere, machine: str) -> None:
    """What the article does in the manager of IIS: the same binding with another port and certificate."""
    farm.powershell(
        machine,
        f"""
Set-WebBinding -Name '{SITE}' -BindingInformation '*:30081:' -PropertyName Port -Value 443
$ours = Get-ChildItem Cert:\\LocalMachine\\My | Where-Object {{ $_.Subject -like 'CN=portal.hyper-v.nu*' }}
$binding = Get-WebBinding -Name '{SITE}' -Protocol https -Port 443
if ("$($binding.certificateHash)") {{ $binding.RemoveSslCertificate() }}
$binding.AddSslCertificate($ours.Thumbprint, 'My')""",
    )


def no_claims(seen: Snapshot) -> Snapshot:
    return {name: what for name, what in seen.items() if OURS not in name}


# Finished by hand ----------------------------------------------------------------------------------------------------


def finish(farm: FarmHere) -> None:
    for machine in ("Portal1", "Portal2"):
        import_certificate(farm, machine)
        move_site(farm, machine)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenOver]:
    yield from taken_over(tmp_path_factory.mktemp("finished"), STATES / "finished.yaml", finish)


@pytest.mark.parametrize(
    ("name", "thing", "line"),
    [
        ("admin-api-cluster", "the NLB cluster portal.hyper-v.nu", "      adopt: true"),
        ("SPF1-account", "the local account SVC_SPF_REG", "  adopt: true"),
        ("SPF2-account", "the local account SVC_SPF_REG", "  adopt: true"),
        ("Portal1-certificate", "the certificate portal (", "  adopt: true"),
        ("Portal2-software", "the portal's software on Portal2", "    adopt: true"),
        ("Portal1-configuration", "the configuration of Portal1", "    adopt: true"),
        ("plan", "the plan High availability check", "    adopt: true"),
        ("spf-registration", "the registration of Service Provider Foundation", "  adopt: true"),
        ("SQL", "the availability group SQL", "  adopt: true"),
        ("SQL-listener", "the listener SQL", "  adopt: true"),
    ],
)
def test_what_is_there_is_refused_unless_the_topology_adopts_it(
    finished: TakenOver, name: str, thing: str, line: str
) -> None:
    piece = finished.pieces[name]
    with pytest.raises(MachineError) as caught:
        piece.but(adopt=False).create()
    text = str(caught.value)
    assert f"create {thing}" in text
    assert ": it exists already and was not made by this stack. Set `adopt: true` in " in text
    number = int(text.split(f"{finished.farm.topology}:")[1].split(" ")[0])
    assert finished.farm.topology.read_text(encoding="utf-8").splitlines()[number - 1].rstrip() == line
    assert differences(finished.by_hand, finished.now()) == []


FURTHER = (
    "-firewall-clients",
    "-firewall-servers",
    "-firewall-administrators",
    "-installers-rules",
    "-site-certificates",
    "-name",
    "-trust",
    "-endpoints",
)
"""What the article does not have: the openings of Windows Firewall, the certificate of every site but the tenants', and
load-balanced names in the stores."""


def test_a_finished_farm_needs_little(finished: TakenOver) -> None:
    finished.up()
    again = {
        name: sentences
        for name, sentences in finished.steps.items()
        if name not in ("logins", "failover-proof", "SQL-primary") and not name.endswith(FURTHER)
    }
    account = [
        "On {0}, set the password of the local account SVC_SPF_REG.",
        "On {0}, enable the local account SVC_SPF_REG, and let neither it nor its password expire.",
    ]
    portal = finished.pieces["Portal1-certificate"].inputs
    (between,) = portal["intermediates"]
    authority = (
        "On {0}, import the intermediate authority "
        f"{between['thumbprint']} of the certificate portal ({portal['thumbprint']})."
    )
    assert again == {
        **{f"{node}-certificate": [authority.format(node)] for node in ("Portal1", "Portal2")},
        **{f"{server}-account": [one.format(server) for one in account] for server in ("SPF1", "SPF2")},
        "spf-registration": [
            "Through Portal1, correct the registration of Service Provider Foundation to https://spf.hyper-v.nu:8090."
        ],
    }
    assert any(", recreate the login " in one for one in finished.steps["logins"])
    assert any("fail SQL over to it" in one for one in finished.steps["failover-proof"])


def test_a_finished_farm_is_as_it_should_be(finished: TakenOver) -> None:
    assert finished.not_as_it_should_be() == []
    assert {name: found for name, piece in finished.pieces.items() if (found := piece_drift(finished, piece))} == {}


def piece_drift(farm: TakenOver, piece: Piece) -> dict[str, Any]:
    known = {"plan_id": farm.outs["plan"]["plan_id"]} if "plan_id" in piece.inputs else {}
    return piece.but(**known).drift(farm.outs[piece.name])


SETTINGS = {
    "administrators",
    "failover-proof",
    "logins",
    "logins-after-joining",
    "Portal1-operators",
    "Portal2-operators",
    "Portal1-software-source",
    "server-tls",
    "Portal2-plan-replication",
    "Portal2-software-source",
    "SQL-administrator",
    "SQL-authentication",
    "SQL-backup-share",
    "SQL-failover-cluster",
    "SQL-primary",
}
"""What belongs to nobody: each keeps by itself what there was before."""


def test_destroy_leaves_a_finished_farm(finished: TakenOver) -> None:
    own = {name for name in finished.pieces if not name.endswith(FURTHER)}
    assert own - finished.adopted <= SETTINGS
    before = finished.now()
    finished.destroy()
    after = finished.now()
    assert [name for name in after if OURS in name] == []
    changed = [line for line in differences(no_claims(before), after) if "/firewall" not in line]
    assert [line for line in changed if "/sslbinding/" not in line] == []
    # Every site answers with the certificate that it had before.
    assert changed != []
    assert sites_certificates(after) == sites_certificates(finished.by_hand)


def sites_certificates(seen: Snapshot) -> Snapshot:
    return {name: what for name, what in seen.items() if "/sslbinding/" in name}


# Begun by hand -------------------------------------------------------------------------------------------------------


def begin(farm: FarmHere) -> None:
    import_certificate(farm, "Portal1")


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[TakenOver]:
    yield from taken_over(tmp_path_factory.mktemp("half"), STATES / "half.yaml", begin)


FINISHED: dict[str, list[str]] = {
    "admin-api-cluster": [
        "On Portal1, change the cluster portal to portal.hyper-v.nu at 172.39.5.150, unicast.",
    ],
    "SPF1-account": [
        "On SPF1, set the password of the local account SVC_SPF_REG.",
        "On SPF1, enable the local account SVC_SPF_REG, and let neither it nor its password expire.",
        "On SPF1, add SVC_SPF_REG to the local group SPF_Provider.",
    ],
    "SPF2-account": [
        "On SPF2, create the local account SVC_SPF_REG.",
        "On SPF2, enable the local account SVC_SPF_REG, and let neither it nor its password expire.",
        *(
            f"On SPF2, add SVC_SPF_REG to the local group {group}."
            for group in ("SPF_Admin", "SPF_Provider", "SPF_VMM")
        ),
    ],
    f"{SHORT}Usage": [f"On SQL2, resume the synchronisation of {SHORT}Usage."],
    "plan": [
        "Through Portal1, set the plan High availability check to Public.",
        "Through Portal1, add the service mysqlservers to the plan High availability check.",
    ],
    "spf-registration": [
        "Through Portal1, correct the registration of Service Provider Foundation to https://spf.hyper-v.nu:8090."
    ],
    "Portal2-node": ["On Portal1, join Portal2 to portal.hyper-v.nu."],
}
"""What some of them did; the others are looked at one by one."""


def test_every_half_made_state_is_finished(half: TakenOver) -> None:
    half.up()
    assert {name: half.steps.get(name) for name in FINISHED} == FINISHED
    assert half.not_as_it_should_be() == []
    assert {name: found for name, piece in half.pieces.items() if (found := piece_drift(half, piece))} == {}


def test_port_rules_of_another_program_go(half: TakenOver) -> None:
    first, *others = half.steps["admin-api-port-rules"]
    assert first == "On portal.hyper-v.nu, remove the port rule 443-443 tcp multiple none."
    assert others[0] == "On portal.hyper-v.nu, remove the port rule 8080-8081 tcp multiple single."
    assert len(others) == 1 + 6


def test_only_the_features_that_are_missing_are_configured(half: TakenOver) -> None:
    done = half.steps["Portal2-configuration"]
    assert "Portal1-configuration" not in half.steps
    assert done[0] == "On Portal2, configure the feature UsageService (1 of 9)."
    assert len(done) == 9


def test_each_database_goes_on_from_where_it_stands(half: TakenOver) -> None:
    what = {name: " ".join(half.steps.get(f"{SHORT}{name}", [])) for name in ("Config", "Store", "PortalConfigStore")}
    assert what["Config"] == ""
    assert "start the log chain" not in what["Store"]
    assert f"add {SHORT}Store to SQL" not in what["Store"]
    assert f"join {SHORT}Store to SQL" in what["Store"]
    chain = [
        "set the recovery model",
        "start the log chain",
        "copy-only full backup",
        f"add {SHORT}PortalConfigStore to SQL",
        "join ",
    ]
    places = [what["PortalConfigStore"].index(one) for one in chain]
    assert places == sorted(places)


def test_each_login_is_repaired_as_it_needs(half: TakenOver) -> None:
    done = half.steps["logins"]
    recreated = "On SQL2, recreate the login MgmtSvc-AdminAPI with the SID and password hash it has on SQL1"
    assert [one.startswith(recreated) for one in done if " recreate " in one] == [True]
    brought = [one for one in done if one.startswith("On SQL2, bring the login MgmtSvc-TenantAPI")]
    assert len(brought) == 1
    assert "password" in brought[0]


def test_the_site_is_taken_off_its_old_port(half: TakenOver) -> None:
    assert half.steps["Portal1-tenant-site"][-1] == f"On Portal1, take {SITE} off port 30081."
    assert half.steps["Portal1-tenant-site"][0].startswith(f"On Portal1, give port 443 of {SITE} the certificate ")


def test_destroy_leaves_what_was_adopted_and_takes_the_rest(half: TakenOver) -> None:
    assert half.adopted >= {
        "admin-api-cluster",
        "Portal1-node",
        "Portal1-nlb",
        "Portal2-nlb",
        "SPF1-account",
        "Portal1-certificate",
        *(f"{node}-{part}" for node in ("Portal1", "Portal2") for part in ("software", "configuration")),
        *(f"{SHORT}{name}" for name in ("Config", "Usage", "Store")),
        "plan",
        "spf-registration",
        "SQL",
        "SQL-listener",
    }
    made = {"SPF2-account", "Portal2-certificate", "Portal2-node", f"{SHORT}WebAppGallery", f"{SHORT}PortalConfigStore"}
    assert not half.adopted & made
    half.destroy()
    after = half.now()
    assert [name for name in after if OURS in name] == []
    assert [name for name in after if name.lower().endswith("/account/svc_spf_reg")] == ["spf1/account/SVC_SPF_REG"]
    assert [name.split("/")[0] for name in after if "/nlb-node/" in name and name.startswith("portal")] == ["portal1"]
    rows = half.farm.sql("SQL1", "SELECT database_name FROM sys.availability_databases_cluster")
    ours = {row["database_name"] for row in rows} & set(DATABASES)
    assert ours == {f"{SHORT}{name}" for name in ("Config", "Usage", "Store")}
    # The site of Portal1 is as it was found: on both ports, with the certificate of the portal's installer.
    bindings = half.farm.remote.powershell("Portal1").run(load_script("iis/read_bindings.ps1"), attempted="look")[0][
        "bindings"
    ]
    marks = {one["information"]: one["thumbprint"] for one in bindings if one["site"] == SITE}
    assert set(marks) == {"*:443:", "*:30081:"}
    assert len(set(marks.values())) == 1
