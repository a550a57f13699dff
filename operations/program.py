"""What the program declares for a stack, resource by resource, without an engine.

The program runs with Pulumi's mocks. Each resource is handed to ``look`` as it is declared, after everything that it
depends on; what ``look`` gives are its outputs, as other resources then get them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from components.resource import FarmResource, Resource

PROJECT = "windows-azure-pack-ha"
_SECRET = rpc._special_sig_key
SECRET_KEYS = ("credentials", "certificates", "sqlAdministratorPassword", "passphrase", "spfAccountPassword")


@dataclass(frozen=True)
class Declared:
    """One resource of the program."""

    number: int
    """In the order in which they are declared."""
    urn: str
    """The mocks' own: it names no resource of the real stack."""
    name: str
    """Its logical name in the program."""
    kind: type[Resource[Any, Any]]
    """What observes and plans it."""
    inputs: Mapping[str, Any]
    """As the program declares them, secrets in clear."""
    depends_on: tuple[str, ...]
    """The URNs of what it depends on, directly."""


UNKNOWN = rpc.UNKNOWN
"""An output that only ``up`` will know: what the program makes of it is unknown, too."""
Look = Callable[[str, type[Resource[Any, Any]], Mapping[str, Any], tuple[str, ...]], Mapping[str, Any]]
"""(name, kind, inputs, names of the inputs that are not known) → computed outputs. Called from several threads."""


class _Mocks(pulumi.runtime.Mocks):
    def __init__(self, look: Look) -> None:
        self.look = look
        self.inputs: dict[tuple[str, str], dict[str, Any]] = {}
        self.unknown: dict[tuple[str, str], tuple[str, ...]] = {}
        """By type and name, the inputs that are not known."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = self.kind_of(args.typ)
        if kind is None:
            return f"{args.name}-id", {**args.inputs, "stdout": ""}
        known = {key: _plain(value) for key, value in args.inputs.items() if key in kind.INPUTS.model_fields}
        self.inputs[args.typ, args.name] = known
        unknown = self.unknown.get((args.typ, args.name), ())
        outputs = self.look(args.name, kind, known, tuple(key for key in unknown if key in kind.INPUTS.model_fields))
        return f"{args.name}-id", {**args.inputs, **outputs}

    def kind_of(self, declared: str) -> type[Resource[Any, Any]] | None:
        """None for a component, and for what is no resource of the farm. Only the program's run imports them all."""
        if not declared.startswith("pulumi-python:dynamic"):
            return None
        wanted = declared.rpartition(":")[2]
        return next((kind.implementation for kind in _kinds(FarmResource) if kind.__name__ == wanted), None)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks do not get: names, dependencies, the order."""

    def __init__(self, given: _Mocks) -> None:
        super().__init__(given)
        self.given = given
        self.requests: list[tuple[int, resource_pb2.RegisterResourceRequest, str]] = []
        self._numbers = itertools.count()

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        number = next(self._numbers)
        given = json_format.MessageToDict(request.object)
        unknown = tuple(key for key, value in given.items() if _is_unknown(value))
        self.given.unknown[request.type, request.name] = unknown
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self.requests.append((number, request, answer.urn))
        return answer


def declare(values: Mapping[str, Any], look: Look, program: Path = Path("__main__.py")) -> list[Declared]:
    """Run the program in the current folder with a stack's configuration. Raises what the program raises."""
    texts = {
        f"{PROJECT}:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in values.items() if v is not None
    }
    given = _Mocks(look)
    monitor = _Monitor(given)
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(given, project=PROJECT, stack="runbook", monitor=monitor, preview=True)
    pulumi.runtime.set_all_config(texts, [f"{PROJECT}:{key}" for key in SECRET_KEYS])

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    run()
    stages = {urn: tuple(request.dependencies) for _, request, urn in monitor.requests}
    found = []
    for number, request, urn in sorted(monitor.requests, key=lambda one: one[0]):
        kind = given.kind_of(request.type)
        if kind is not None:
            inputs = given.inputs[request.type, request.name]
            after = _through_stages(request.dependencies, stages, set())
            found.append(Declared(number, urn, request.name, kind, inputs, tuple(after)))
    return found


def _through_stages(urns: Any, stages: Mapping[str, tuple[str, ...]], seen: set[str]) -> list[str]:
    """Dependencies, those of the stages among them instead of the stages."""
    found: list[str] = []
    for urn in urns:
        if urn in seen:
            continue
        seen.add(urn)
        found += _through_stages(stages.get(urn, ()), stages, seen) if ":Stage::" in urn else [urn]
    return found


def _is_unknown(value: Any) -> bool:
    """Whether a value, as it is on the wire, is unknown or has something unknown in it."""
    if isinstance(value, dict):
        return any(map(_is_unknown, value.values()))
    return any(map(_is_unknown, value)) if isinstance(value, list) else bool(value == UNKNOWN)


def _plain(value: Any) -> Any:
    """A value without the envelope in which Pulumi marks a secret."""
    return value["value"] if isinstance(value, dict) and _SECRET in value else value


def _kinds(kind: type[FarmResource[Any]]) -> list[type[FarmResource[Any]]]:
    return [sub for direct in kind.__subclasses__() for sub in (direct, *_kinds(direct))]
