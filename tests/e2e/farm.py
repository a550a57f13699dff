"""A farm of its own for the end-to-end tests: lab on addresses of its own, stack in a temporary backend, the real CLI.

The program is used where it lies, through links from a temporary project folder; topology, stack configuration, state
and lab are in that folder, so that the tests disturb neither the dev stack nor a lab that runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from components import settings
from components.topology import Topology, load
from lab.testing.snapshot import accounts
from remote.session import Remote
from tests.e2e.prepared import prepare
from tools.bootstrap.project import lab_environment

ROOT = Path(__file__).parents[2]
PROJECT = "windows-azure-pack-ha"
PACE = "0.002"
NETWORK = 31
"""A process that runs tests has the loopback addresses for itself, so this network serves all modules."""
TIMEOUT_SECONDS = 900
"""Of one command."""
STACK = ("state", "project/Pulumi.e2e.yaml")
"""What of a farm's folder belongs to its stack."""
SECRETS = {
    "installer": "Lab-Installer-2013!",
    "sqlAdministratorPassword": "E2e-Sql-Administrator-1!",
    "passphrase": "E2e-Passphrase-1!",
    "spfAccountPassword": "E2e-Spf-Registration-1!",
    "pfx": "Lab-Pfx-2013!",
}

LINKED = ("__main__.py", "Pulumi.yaml", ".venv", "components", "remote", "operations")
"""What a program's folder consists of."""


@dataclass
class Result:
    code: int
    output: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.code == 0


def operations(log: Path) -> dict[str, str]:
    """Resource → operation, of what the engine did beside refreshing. A component has its name in common with the
    resource in it; only resources change."""
    found: dict[str, str] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line).get("resourcePreEvent")
        if event and event["metadata"]["op"] not in ("same", "refresh", "read"):
            metadata = event["metadata"]
            found.setdefault(metadata["urn"].rsplit("::", 1)[1], metadata["op"])
    return found


@dataclass
class Farm:
    """The lab and the stack of one test run."""

    folder: Path
    network: int = NETWORK
    """The farm's machines are on 127.<network>.x.x; two farms that run at once have two numbers."""
    source: Path = ROOT / "topologies" / "single-domain.yaml"
    """The design, with the addresses of the real world: 172.21.5.x and 172.22.5.x become this farm's."""

    def __post_init__(self) -> None:
        self.lab_folder = self.folder / "lab"
        self.topology = self.folder / "topology.yaml"
        self.project = self.folder / "project"
        self.config = self.project / "Pulumi.e2e.yaml"
        for folder in (self.folder / "state", self.project):
            folder.mkdir(parents=True, exist_ok=True)
        for name in LINKED:
            (self.project / name).symlink_to(ROOT / name)
        self.write_topology(self.source.read_text(encoding="utf-8"))
        self.environment = {
            **os.environ,
            **lab_environment(),
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "end-to-end",
            "PULUMI_PYTHON_CMD": sys.executable,
            "NO_COLOR": "1",
        }

    def write_topology(self, text: str) -> None:
        """Give the farm this topology, its addresses moved to the farm's own networks."""
        self.topology.write_text(self.moved(text), encoding="utf-8")

    def moved(self, text: str) -> str:
        """A text with the addresses of the real world moved to the farm's own networks."""
        return text.replace("172.21.5.", f"172.{self.network}.5.").replace("172.22.5.", f"172.{self.network}.6.")

    def line(self, beginning: str) -> int:
        """The number of the topology's first line that begins so, as messages name it."""
        lines = self.topology.read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.startswith(beginning))

    # A machine, as its administrator reaches it ------------------------------------------------------------------

    @cached_property
    def remote(self) -> Remote:
        """Connections of the test's own, with the farm's credentials."""
        values = {
            "hosts": self.hosts,
            "topology": str(self.topology),
            "authorities": str(self.lab_folder / "authority" / "ca.pem"),
            "credentials": self.credentials,
            "sqlAdministratorPassword": SECRETS["sqlAdministratorPassword"],
        }
        return settings.remote(json.dumps(values, sort_keys=True))

    def powershell(self, machine: str, script: str, **arguments: Any) -> list[Any]:
        """Run a script by hand on one machine; what it wrote. Raises ``MachineError``."""
        text = f"param({', '.join(f'${name}' for name in arguments)})\n{script}" if arguments else script
        return self.remote.powershell(machine).run(text, arguments, attempted="do by hand", changes=True)

    def sql(self, machine: str, statement: str, *, database: str = "master") -> list[dict[str, Any]]:
        """Run a statement by hand on a machine's SQL Server, as the Windows account. Raises ``MachineError``."""
        return self.remote.sql_integrated(machine, database).rows(statement, attempted="do by hand")

    # The lab ---------------------------------------------------------------------------------------------------

    def lab(self, *arguments: str, given: str | None = None) -> Result:
        where = ("--directory", str(self.lab_folder))
        return self._run([sys.executable, "-m", "lab", *arguments, *where], given=given)

    def start_lab(self, pace: str = PACE) -> None:
        done = self.lab("up", "--topology", str(self.topology), "--pace", pace)
        assert done.ok, done.output
        self.configure_load_balancer()

    def configure_load_balancer(self) -> None:
        """What the owner of a load balancer does with the program's instructions, where a tier is behind one."""
        if "load_balancer:" not in self.topology.read_text(encoding="utf-8"):
            return
        printed = self.operations("load-balancer", "--topology", str(self.topology), "--json")
        assert printed.ok, printed.output
        file = self.folder / "load-balancer.json"
        file.write_text(printed.output, encoding="utf-8")
        done = self.lab("balancer", str(file))
        assert done.ok, done.output

    def stop_lab(self) -> None:
        self.lab("down")

    @contextmanager
    def running(self, **start: Any) -> Iterator[None]:
        """The lab from its start (``start_lab``) to its end, and the last that it logged beside whatever fails."""
        try:
            self.start_lab(**start)
            yield
        finally:
            log = self.lab_folder / "lab.log"
            print(log.read_text(encoding="utf-8")[-3000:] if log.exists() else "the lab wrote no log")
            self.stop_lab()
            shutil.rmtree(self.folder)

    def journal(self) -> list[dict[str, str]]:
        """Everything that reached the lab over a wire."""
        lines = (self.lab_folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    # The stack -------------------------------------------------------------------------------------------------

    def bring_up(self) -> None:
        """A whole farm of the design, as the first ``up`` leaves it, whose lab is not started (``running`` does)."""
        prepare(f"farm-{self.source.stem}", self.folder, (*STACK, "lab"), self._bring_up)

    def _bring_up(self) -> None:
        try:
            self.start_lab()
            self.make_stack()
            first = self.up()
            assert first.ok, first.output[-4000:]
        finally:
            self.stop_lab()

    def make_stack(self) -> None:
        """A stack without resources, with the farm's configuration."""
        needs = json.dumps([self.credentials, self.certificates]).encode()
        prepare(f"stack-{hashlib.sha256(needs).hexdigest()[:12]}", self.folder, STACK, self._make_empty_stack)
        self._configure()

    def _make_empty_stack(self) -> None:
        """What takes long: the stack, and its secrets, each encrypted by the CLI."""
        made = self.pulumi("stack", "init", "e2e", "--secrets-provider", "passphrase")
        assert made.ok, made.output
        for domain, who in self.credentials.items():
            self.set_secret(f'credentials["{domain}"].password', who["password"], path=True)
        for name in self.certificates:
            self.set_secret(f"certificates.{name}.password", SECRETS["pfx"], path=True)
        for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword"):
            self.set_secret(key, SECRETS[key])

    def _configure(self) -> None:
        """What is no secret. Paths are relative to the project, so that a copy of the farm means its own files."""
        document = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        values = document["config"]
        values |= {
            f"{PROJECT}:topology": "../topology.yaml",
            f"{PROJECT}:authorities": "../lab/authority/ca.pem",
            f"{PROJECT}:hosts": self.hosts,
        }
        for domain, who in self.credentials.items():
            values[f"{PROJECT}:credentials"][domain]["username"] = who["username"]
        for name in self.certificates:
            values[f"{PROJECT}:certificates"][name]["file"] = f"../lab/certificates/{name}.pfx"
        self.config.write_text(yaml.safe_dump(document), encoding="utf-8")

    @property
    def model(self) -> Topology:
        """The topology as the program reads it."""
        return load(self.topology)

    @property
    def hosts(self) -> dict[str, dict[str, str]]:
        """Where machines, clusters and the listener are on this computer."""
        model = self.model
        addresses = {machine.name: machine.address for machine in model.machines}
        addresses |= {tier.front.name: tier.front.address for tier in model.portal.tiers}
        addresses |= {model.spf.name: model.spf.address, model.listener_fqdn: model.sql.listener.address}
        return {name: {"address": _loopback(address)} for name, address in addresses.items()}

    @property
    def credentials(self) -> dict[str, dict[str, str]]:
        """Who works on the machines of each domain: the installer that the lab has in it."""
        return {
            domain.name: {
                "username": rf"{domain.netbios}\installer",
                "password": accounts(domain.name)["installer"].password,
            }
            for domain in self.model.domains
        }

    @property
    def certificates(self) -> list[str]:
        return [certificate.name for certificate in self.model.certificates]

    def set_secret(self, key: str, value: str, *, path: bool = False) -> None:
        done = self.pulumi("config", "set", "--secret", *(["--path"] if path else []), key, given=value)
        assert done.ok, done.output

    def pulumi(self, *arguments: str, given: str | None = None) -> Result:
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", "e2e"]
        return self._run(["pulumi", *arguments, *stack, "--non-interactive"], given=given, folder=self.project)

    def up(self) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", "--diff")

    def preview(self) -> Result:
        return self.pulumi("preview", "--diff")

    def destroy(self) -> Result:
        return self.pulumi("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        done = self.pulumi("stack", "output", "--json")
        assert done.ok, done.output
        found: dict[str, Any] = json.loads(done.output)
        return found

    def export(self) -> dict[str, Any]:
        done = self.pulumi("stack", "export")
        assert done.ok, done.output
        found: dict[str, Any] = json.loads(done.output)
        return found

    def operations(self, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> Result:
        asks_by_stack = ("verify", "audit", "runbook", "doctor", "load-balancer", "maintenance", "drill", "report")
        stack = ("--stack", "e2e") if arguments[0] in asks_by_stack else ()
        return self._run([sys.executable, "-m", "operations", *arguments, *stack], folder=self.project, timeout=timeout)

    def _run(
        self,
        command: list[str],
        given: str | None = None,
        folder: Path = ROOT,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Result:
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        return Result(done.returncode, done.stdout, time.monotonic() - started)


def _loopback(address: str) -> str:
    return "127." + address.split(".", 1)[1]
