"""A farm on 127.46.5.0/24: portals, SPF servers, a file server; SQL Server is the stand-in of these tests."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import lab.wap  # noqa: F401 - registers the cmdlets
from lab import boot, files, identity, trust
from lab.powershell.api import CMDLETS, PROGRAMS, Call, PowerShellError, ProgramResult, PSObject, SecureString, Session
from lab.sql import engine
from lab.testing.authority import share_authority
from lab.testing.worlds import TOPOLOGIES
from lab.tests.wap.sqlfake import Farm
from lab.wap import beginning, service
from lab.windows import iis
from lab.world import Response, World

PASSPHRASE = "Passphrase-of-the-tests!"
SA = "Sa-of-the-tests-1"


class Runtime:
    """What a cmdlet may ask of the evaluator, for calls made by hand."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def invoke(self, block: Any, *arguments: Any, item: Any = None) -> list[Any]:
        return list(block(*arguments))

    def text(self, value: Any) -> str:
        return str(value)

    def write_error(self, error: PowerShellError) -> None:
        raise error

    def write_warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Lab:
    """The world of a test with shorthands for what an administrator does in it."""

    world: World
    sql: Farm

    def session(self, machine: str = "Portal1", user: str = "HYPERVNU\\installer", logon: str = "batch") -> Session:
        found = self.world.machine(machine)
        return Session(found, identity.identity(self.world, found, user), logon)

    def call(self, cmdlet: str, on: Session | None = None, **parameters: Any) -> list[Any]:
        call = Call(cmdlet, parameters, [], on or self.session(), Runtime(), frozenset(parameters))
        return list(CMDLETS[cmdlet.lower()](call) or [])

    def webpi(self, *arguments: str, on: Session | None = None) -> ProgramResult:
        return PROGRAMS["webpicmd.exe"](on or self.session(), list(arguments))

    def install(self, machine: str = "Portal1", product: str = "WAP_SingleMachineInstallation") -> ProgramResult:
        feed = beginning.feed_path(self.world, self.world.machine(machine))
        options = (
            "/Install",
            f"/Products:{product}",
            "/AcceptEula",
            "/SuppressReboot",
            f"/XML:{feed}",
        )
        return self.webpi(*options, on=self.session(machine))

    def configure(self, machine: str = "Portal1", **other: Any) -> None:
        values = {"Passphrase": PASSPHRASE, "Server": "SQL", "UserName": "sa", "Password": SA, **other}
        self.call("Initialize-MgmtSvcProduct", self.session(machine), **values)

    def get(self, machine: str, path: str, **options: Any) -> Response:
        """A request from the file server, which trusts only the authority, to a site of a machine by its name."""
        from lab.wap.web import fetch

        host = self.world.machine(machine).fqdn
        return fetch(self.world.machine("FILE"), f"https://{host}:{path}", **{"verify": False, **options})

    def events(self, machine: str = "Portal1") -> list[str]:
        found = self.world.machine(machine).collection("event").values()
        return [event["message"] for event in found if event["id"] == 12]

    def token(self, machine: str = "Portal1", on: Session | None = None, **other: Any) -> str:
        site = f"https://{self.world.machine(machine).fqdn}:30072"
        values = {
            "Type": "Windows",
            "AuthenticationSite": site,
            "ClientRealm": "http://azureservices/AdminSite",
            "DisableCertificateValidation": True,
            **other,
        }
        return str(self.call("Get-MgmtSvcToken", on or self.session(machine), **values)[0])

    def api(self, cmdlet: str, machine: str = "Portal1", token: str | None = None, **parameters: Any) -> list[Any]:
        """A cmdlet of MgmtSvcAdmin against the Admin API of one machine."""
        uri = f"https://{self.world.machine(machine).fqdn}:30004"
        values = {"AdminUri": uri, "Token": token or self.token(machine), "DisableCertificateValidation": True}
        return self.call(cmdlet, self.session(machine), **values, **parameters)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def credential(user: str, password: str) -> PSObject:
    return PSObject("System.Management.Automation.PSCredential", {"UserName": user, "Password": SecureString(password)})


def topology(design: str = "single-domain") -> dict[str, Any]:
    file = TOPOLOGIES / f"{design}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8").replace("172.21.5", "172.46.5"))
    return loaded


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with running(tmp_path, monkeypatch, "single-domain") as lab:
        yield lab


@contextmanager
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, design: str) -> Iterator[Lab]:
    """The farm of one of the designs."""
    share_authority(tmp_path / "lab")
    world = World(tmp_path / "lab", topology(design), pace=0)
    boot.populate(world)
    for part in (identity, files, trust, beginning):
        part.begin(world)
    sql = Farm()
    monkeypatch.setattr(engine, "connect", sql.connect)
    iis.start(world)
    service.start(world)
    yield Lab(world, sql)
    service.stop(world)
    iis.stop(world)
    world.close()


@pytest.fixture
def portal(farm: Lab) -> Lab:
    """Portal1 installed and configured."""
    assert farm.install().exit_code == 0
    farm.configure()
    return farm
