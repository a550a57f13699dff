"""The stack files that come with the project: those of the lab, and the examples for real machines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import settings
from components.topology import load
from lab.testing.authority import Authority
from tests.components.program import PROJECT, ROOT, SECRETS, run
from tools.bootstrap.design import Design
from tools.pages import stacks

LABS = sorted(ROOT.glob("Pulumi.*.yaml"))
EXAMPLES = sorted((ROOT / "examples" / "stacks").glob("Pulumi.*.yaml"))
SECRET = re.compile(r"^# +pulumi config set --secret (?:--path )?(?:'(?P<quoted>.+)'|(?P<plain>\S+))$", re.MULTILINE)


def values(file: Path) -> dict[str, Any]:
    """What a stack file sets, without the project's name."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in document["config"].items()}


def fill(config: dict[str, Any], key: str, secret: str) -> None:
    """Do what ``pulumi config set --path`` does with ``a.b`` and ``a["b.c"].d``."""
    *way, last = [quoted or plain for quoted, plain in re.findall(r'\["(.+?)"\]|([^.\[\]]+)', key)]
    for step in way:
        config = config[step]
    config[last] = secret


def test_every_design_has_both() -> None:
    designs = {file.stem for file in (ROOT / "topologies").glob("*.yaml")}
    assert {design.name for design in Design.all()} == designs
    assert {file.stem.removeprefix("Pulumi.") for file in EXAMPLES} == designs


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_accepted_once_its_secrets_are_set(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exactly the secrets that its comment tells to set."""
    config = values(file)
    for found in SECRET.finditer(file.read_text(encoding="utf-8")):
        fill(config, found["quoted"] or found["plain"], f"Given-{found.start()}!")
    topology = load(ROOT / config["topology"])
    assert Authority(tmp_path).certificate
    config["authorities"] = str(tmp_path / "ca.pem")
    reached = settings.hosts(config, topology)
    assert {host.address for host in reached.machines.values()} == {machine.fqdn for machine in topology.machines}
    users = {host.name: host.username for host in reached.machines.values()}
    assert users == {m.name: rf"{topology.domain_of(m.name).netbios}\installer" for m in topology.machines}
    assert set(config["certificates"]) == {certificate.name for certificate in topology.certificates}
    assert all(set(entry) == {"file", "password"} for entry in config["certificates"].values())
    certificates = config.pop("certificates")  # the mocks' run has files for these names
    del config["authorities"]  # these files are self-signed
    assert certificates
    assert set(SECRETS) <= set(config)
    assert run(tmp_path, monkeypatch, topology=ROOT / config.pop("topology"), **config).all("portal:Configuration")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_holds_no_secret(file: Path) -> None:
    config = values(file)
    assert not set(SECRETS) & set(config)
    assert all(set(entry) == {"username"} for entry in config["credentials"].values())
    assert all(set(entry) == {"file"} for entry in config["certificates"].values())


@pytest.mark.parametrize("design", Design.all(), ids=lambda design: design.name)
def test_a_stack_of_the_lab_is_up_to_date(design: Design) -> None:
    written = stacks.render(design, load(ROOT / design.topology))
    assert stacks.file(design).read_text(encoding="utf-8") == written, "run: .venv/bin/python -m tools.pages"


@pytest.mark.parametrize("file", LABS, ids=lambda file: file.stem)
def test_a_stack_of_the_lab_says_where_everything_is(file: Path) -> None:
    config = values(file)
    topology = load(ROOT / config["topology"])
    addresses = {machine.name.lower(): machine.address for machine in topology.machines}
    addresses |= {tier.front.name.lower(): tier.front.address for tier in topology.portal.tiers}
    addresses |= {
        topology.listener_fqdn: topology.sql.listener.address,
        topology.spf.name.lower(): topology.spf.address,
    }
    given = {name.lower(): entry["address"] for name, entry in config["hosts"].items()}
    assert given == {name: "127." + address.split(".", 1)[1] for name, address in addresses.items()}
    assert set(config["credentials"]) == {domain.name for domain in topology.domains}
    assert all("secure" in config[name] for name in SECRETS)
