"""Runs the whole program with Pulumi's mocks and records what it registers."""

from __future__ import annotations

import asyncio
import runpy
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2

from tests.components.certificates import PASSWORD, write_pfx

ROOT = Path(__file__).parents[2]
PROJECT = "windows-azure-pack-ha"
SECRETS = {
    "sqlAdministratorPassword": "Test-Sql-1!",
    "passphrase": "Test-Passphrase-1!",
    "spfAccountPassword": "Test-Spf-1!",
}


@dataclass
class Registered:
    """One RegisterResource call as the engine would get it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    dependencies: list[str]
    secret_outputs: list[str]
    urn: str = ""


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks' callback does not get: parent, dependencies, secret outputs."""

    def __init__(self, given: pulumi.runtime.Mocks) -> None:
        super().__init__(given)
        self.requests: list[tuple[resource_pb2.RegisterResourceRequest, str]] = []

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self.requests.append((request, answer.urn))
        return answer


class _Mocks(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.inputs: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.inputs[(args.typ, args.name)] = dict(args.inputs)
        return f"{args.name}-id", {
            **args.inputs,
            "plan_id": "plan1",
            "logins": ["MgmtSvc-AdminAPI"],
            "current": "SQL1",
        } | {"revision": "now"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


@dataclass
class Program:
    """What a run of the program registered, by name without the components' own kind."""

    resources: list[Registered] = field(default_factory=list)

    def one(self, kind: str, name: str) -> Registered:
        found = [r for r in self.resources if r.type.endswith(kind) and r.name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name}; there are {sorted(r.name for r in self.resources)}"
        return found[0]

    def all(self, kind: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type.endswith(kind)]

    def before(self, resource: Registered) -> set[str]:
        """The URNs of everything that is made before a resource, directly or through others."""
        by_urn = {one.urn: one for one in self.resources}
        seen: set[str] = set()
        todo = list(resource.dependencies)
        while todo:
            urn = todo.pop()
            if urn not in seen and urn in by_urn:
                seen.add(urn)
                todo += by_urn[urn].dependencies
        return seen

    def is_before(self, first: Registered, second: Registered) -> bool:
        return first.urn in self.before(second)


@cache
def shipped(topology: Path) -> Program:
    """The program with a topology as it lies in the repository: run once per process, and altered by nobody."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        return run(Path(folder), patch, topology)


def run(
    tmp_path: Path, monkeypatch: Any, topology: Path | None = None, *, in_clear: Sequence[str] = (), **config: Any
) -> Program:
    """Run ``__main__.py`` with a complete configuration, changed by ``config``. ``in_clear``: keys with passwords of
    which the stack encrypts no part."""
    import json

    monkeypatch.chdir(ROOT)
    file = topology or ROOT / "topologies" / "single-domain.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    certificates = {}
    for certificate in declared.get("certificates", []):
        pfx = tmp_path / f"{certificate['name'].lower()}.pfx"
        if not pfx.exists():
            write_pfx(pfx, *certificate["dns_names"])
        certificates[certificate["name"]] = {"file": str(pfx), "password": PASSWORD}
    values: dict[str, Any] = {
        "topology": str(file),
        "credentials": {
            domain["name"]: {"username": r"DOMAIN\installer", "password": "Test-Installer-1!"}
            for domain in declared.get("domains", [])
        },
        "certificates": certificates,
        **SECRETS,
        **config,
    }
    texts = {f"{PROJECT}:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in values.items()}
    secret = [f"{PROJECT}:{key}" for key in (*SECRETS, "credentials", "certificates") if key not in in_clear]
    recorded = _Mocks()
    asyncio.set_event_loop(asyncio.new_event_loop())
    monitor = _Monitor(recorded)
    mocks.set_mocks(recorded, project=PROJECT, stack="test", monitor=monitor)
    pulumi.runtime.set_all_config(texts, secret)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    program()
    return Program([_registered(request, urn, recorded.inputs) for request, urn in monitor.requests])


def _registered(
    request: resource_pb2.RegisterResourceRequest, urn: str, inputs: Mapping[tuple[str, str], dict[str, Any]]
) -> Registered:
    return Registered(
        type=request.type,
        name=request.name,
        inputs=inputs.get((request.type, request.name), {}),
        parent=request.parent,
        dependencies=list(request.dependencies),
        secret_outputs=list(request.additionalSecretOutputs),
        urn=urn,
    )
