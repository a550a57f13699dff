"""docs/real-machines.md as an operator follows it: in a shell of their own, with a passphrase of their own.

Only what is a placeholder on the page (an authority's file, a certificate's, how the machines are reached) is given
afterwards; the machines are those of a lab.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.farm import PROJECT, ROOT, SECRETS
from tests.e2e.lab_here import FarmHere
from tools.bootstrap.project import PASSPHRASE, PULUMI_HOME

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PAGE = (ROOT / "docs" / "real-machines.md").read_text(encoding="utf-8")
OWN = "An-Operators-Own-Passphrase-1!"
GIVEN = {
    '"].password': SECRETS["installer"],
    **{key: SECRETS[key] for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword")},
    "certificates.portal.password": SECRETS["pfx"],
}
"""What the operator types, by the end of the key."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarmHere]:
    farm = FarmHere(tmp_path_factory.mktemp("page"), network=21)
    with farm.running():
        shutil.copytree(ROOT / "topologies", farm.project / "topologies")
        (farm.project / ".tools").symlink_to(ROOT / ".tools")
        yield farm


def commands() -> list[str]:
    """The lines of the page's block, without comments."""
    (block,) = re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
    return [line.partition("  #")[0].rstrip() for line in block.splitlines() if line.strip()]


def run(farm: FarmHere, command: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in the operator's shell, which has nothing of the lab's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "LAB_"))}
    own |= {"HOME": str(farm.folder), "PULUMI_CONFIG_PASSPHRASE": OWN, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    own |= {"PULUMI_HOME": str(PULUMI_HOME), **variables}  # where this computer has the plugin of pulumi-command
    return subprocess.run(
        ["bash", "-c", f"{commands()[0]}\n{command}"],
        cwd=farm.project,
        env=own,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_of_the_page_configure_a_stack(farm: FarmHere) -> None:
    path, *others, doctor, last = commands()
    assert path.startswith("export PATH=")
    assert (doctor, last) == ("python -m operations doctor", "pulumi preview")
    asked = set()
    for command in others:
        given = ""
        if " --secret " in command:
            key = next(key for key in GIVEN if re.search(rf"{re.escape(key)}'?$", command))
            given = GIVEN[key]
            asked.add(key)
        done = run(farm, command, given)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert asked == set(GIVEN)
    file = farm.project / "Pulumi.mine.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    config["config"][f"{PROJECT}:authorities"] = str(farm.lab_folder / "authority" / "ca.pem")
    config["config"][f"{PROJECT}:certificates"]["portal"]["file"] = str(farm.lab_folder / "certificates" / "portal.pfx")
    config["config"][f"{PROJECT}:hosts"] = farm.hosts
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    looked = run(farm, doctor)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    preview = run(farm, last)
    assert preview.returncode == 0, preview.stdout
    assert re.search(r"\+ \d+ to create", preview.stdout)


def test_the_stack_has_nothing_of_the_lab(farm: FarmHere) -> None:
    kept = yaml.safe_load((farm.project / "Pulumi.mine.yaml").read_text(encoding="utf-8"))
    assert kept["config"][f"{PROJECT}:passphrase"]["secure"]
    assert list((farm.folder / "farm-state").rglob("mine.json"))
    refused = run(farm, "pulumi config get passphrase --stack mine", PULUMI_CONFIG_PASSPHRASE=PASSPHRASE)
    assert "incorrect passphrase" in refused.stderr
    assert run(farm, "pulumi config get passphrase --stack mine").stdout.strip() == SECRETS["passphrase"]
