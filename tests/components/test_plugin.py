"""The real plugin process (``python -m components.plugin``), spoken to as the engine speaks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from components.resource import Resource, fields
from components.resource.pulumi_adapter import Adapter
from components.windows.certificate import CertificateResource
from components.windows.feature import FeatureResource
from tests.components.worlds import CASES

ROOT = Path(__file__).parents[2]
PROJECT = "windows-azure-pack-ha"
NOWHERE = "127.99.5.151"
PASSWORD = 'Installer"Pass-1!'
PROVIDER = "urn:pulumi:test::windows-azure-pack-ha::pulumi:providers:pulumi-python::default"
URN = "urn:pulumi:test::windows-azure-pack-ha::pulumi-python:dynamic/windows:Feature::nlb"


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.logs: list[Any] = []

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self.logs.append(request)
        return empty_pb2.Empty()


class Plugin:
    """A started and configured plugin."""

    def __init__(self, stub: Any, engine: _Engine) -> None:
        self.stub, self.engine = stub, engine

    def configure(self, state: dict[str, Any]) -> None:
        """``state`` is what a state has of the provider."""
        self.stub.Configure(provider_pb2.ConfigureRequest(urn=PROVIDER, args=struct(state)), timeout=30)

    def check(self, provider: type[Resource[Any, Any]], news: dict[str, Any]) -> Any:
        return self.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=props(provider, news)))

    def create(self, provider: type[Resource[Any, Any]], given: dict[str, Any]) -> Any:
        return self.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=props(provider, given)), timeout=60)

    def read(self, provider: type[Resource[Any, Any]], state: dict[str, Any]) -> Any:
        return self.stub.Read(provider_pb2.ReadRequest(id="x", urn=URN, properties=props(provider, state)), timeout=60)


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def props(provider: type[Resource[Any, Any]], values: dict[str, Any]) -> struct_pb2.Struct:
    return struct({**values, "__provider": serialize_provider(Adapter(provider))})


def plain(values: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = rpc.deserialize_properties(values, True)
    return {name: value for name, value in found.items() if name != "__provider"}


@contextmanager
def process(**environment: str) -> Iterator[Plugin]:
    """A started plugin that is not configured."""
    engine = _Engine()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    started = subprocess.Popen(
        [ROOT / "components" / "plugin" / "pulumi-resource-pulumi-python", f"127.0.0.1:{port}"],
        cwd=ROOT,
        env={**os.environ, "PULUMI_PROJECT": PROJECT, "PULUMI_RUNTIME_VIRTUALENV": sys.prefix, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert started.stdout is not None
        address = f"127.0.0.1:{started.stdout.readline().strip()}"
        yield Plugin(provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(address)), engine)
    finally:
        started.terminate()
        started.wait(10)
        server.stop(None)


@pytest.fixture(scope="module", name="plugin")
def started_plugin() -> Iterator[Plugin]:
    """Configured as in the run of a program: by what the engine gives to CheckConfig."""
    with process(PATH="/usr/bin:/bin") as plugin:
        assert dict(plugin.stub.CheckConfig(provider_pb2.CheckRequest(news=struct(configuration()))).inputs) == {}
        plugin.configure({})
        yield plugin


def configuration() -> dict[str, Any]:
    values = {
        "topology": "topologies/single-domain.yaml",
        "hosts": json.dumps({"Portal1": {"address": NOWHERE}}),
        "credentials": json.dumps({"hyper-v.nu": {"username": r"HYPERVNU\installer", "password": PASSWORD}}),
        "authorities": "",
        "sqlAdministratorPassword": "Sql-Pass-1!",
        "passphrase": "Pass-Phrase-1!",
        "spfAccountPassword": "Account-Pass-1!",
    }
    return {f"{PROJECT}:{key}": value for key, value in values.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_of_every_resource(plugin: Plugin, case: Any) -> None:
    answer = plugin.check(case.resource, case.inputs)
    assert list(answer.failures) == []
    assert plain(answer.inputs) == fields.plain(case.parsed())


def test_an_unknown_stays_unknown(plugin: Plugin) -> None:
    answer = plugin.check(FeatureResource, {"machine": "Portal1", "feature": rpc.UNKNOWN})
    assert list(answer.failures) == []
    assert answer.inputs["feature"] == rpc.UNKNOWN


def test_a_wrong_input_is_refused_without_its_value(plugin: Plugin) -> None:
    given = {"machine": "Portal1", "name": "n", "thumbprint": "t", "pfx": "UEZY-x", "password": ["only-in-this-test"]}
    answer = plugin.check(CertificateResource, given)
    assert [(one.property, one.reason) for one in answer.failures] == [("", "password: Input should be a text")]


def test_diff_leaves_the_comparison_to_the_engine(plugin: Plugin) -> None:
    olds = {"machine": "Portal1", "feature": "NLB", "adopt": False}

    def diff(news: dict[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(
            id="x", urn=URN, olds=props(FeatureResource, olds), news=props(FeatureResource, news)
        )
        return plugin.stub.Diff(request)

    answer = diff({**olds, "feature": "Web-Server", "adopt": True})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_UNKNOWN
    assert list(answer.replaces) == ["feature"]
    assert answer.deleteBeforeReplace
    assert list(diff(olds).replaces) == []


def test_a_machine_that_does_not_answer_is_one_clear_line(plugin: Plugin) -> None:
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(FeatureResource, {"machine": "Portal1", "feature": "NLB"})
    details = caught.value.details()
    assert time.monotonic() - begun < 30
    assert "\n" not in details.strip()
    assert "Traceback" not in details
    sentence = details.removeprefix("Exception calling application: ")
    assert sentence == (
        f"Portal1: read the Windows feature NLB: WinRM at {NOWHERE}:5986 does not answer (Failed to establish a new "
        "connection: [Errno 111] Connection refused). Start the machine, or correct its entry in `hosts`."
    )


def test_a_machine_that_does_not_answer_is_one_error_of_a_refresh(plugin: Plugin) -> None:
    """Whatever is read there besides stays as the state has it; the one error ends the run."""
    features: list[dict[str, Any]] = [
        {"machine": "Portal1", "feature": name, "ownership": {}} for name in ("NLB", "Web-Server", "DNS")
    ]
    with pytest.raises(grpc.RpcError) as caught:
        plugin.read(FeatureResource, features[0])
    assert caught.value.details().endswith(
        "Start the machine, or correct its entry in `hosts`. Nothing else is looked at there."
    )
    for feature in features[1:]:
        answer = plugin.read(FeatureResource, feature)
        assert (answer.id, plain(answer.inputs)["feature"]) == ("x", feature["feature"])
    with pytest.raises(grpc.RpcError, match="does not answer"):  # a change asks again
        plugin.create(FeatureResource, {"machine": "Portal1", "feature": "NLB"})


def test_a_machine_that_nobody_knows_is_one_clear_line(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(FeatureResource, {"machine": "Portal9", "feature": "NLB"})
    assert caught.value.details().endswith(
        "Portal9: find out how to reach it: no such machine in this stack's configuration. Known are: FILE, Portal1, "
        "Portal2, SPF1, SPF2, SQL1, SQL2. A machine that leaves the farm stays listed until `pulumi up` has cleared it."
    )


# Where the configuration comes from ---------------------------------------------------------------------------------

FEATURE = {"machine": "Portal1", "feature": "NLB"}
CLI = """#!/bin/sh
echo "$*" >> '{folder}/asked'
cat '{folder}/answer'
exit {code}
"""


def cli(folder: Path, answer: str, code: int = 0) -> str:
    """A PATH on which the Pulumi CLI gives this answer."""
    (folder / "answer").write_text(answer, encoding="utf-8")
    program = folder / "pulumi"
    program.write_text(CLI.format(folder=folder, code=code), encoding="utf-8")
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def refused(plugin: Plugin) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        plugin.check(FeatureResource, FEATURE)
    return str(caught.value.details())


def listed(configuration: dict[str, Any]) -> str:
    """As ``pulumi config --json`` prints it."""
    return json.dumps({key: {"value": value, "secret": False} for key, value in configuration.items()})


def test_without_a_run_of_the_program_the_configuration_of_now_is_asked_of_the_cli(tmp_path: Path) -> None:
    """So in refresh, in destroy and at the beginning of up and preview. What an older state has is not used."""
    now = configuration() | {f"{PROJECT}:hosts": json.dumps({"Portal1": {"address": "127.99.5.200"}})}
    with process(PATH=cli(tmp_path, listed(now))) as plugin:
        plugin.configure(configuration())
        with pytest.raises(grpc.RpcError) as caught:
            plugin.create(FeatureResource, FEATURE)
    assert "WinRM at 127.99.5.200:5986" in str(caught.value.details())
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert asked == "config --json --show-secrets --non-interactive --stack test\n"


@pytest.mark.parametrize(("selected", "asked"), [("acme/farm/test", "acme/farm/test"), ("acme/farm/other", "test")])
def test_the_stack_of_an_organization_is_the_selected_one(tmp_path: Path, selected: str, asked: str) -> None:
    with process(PATH=cli(tmp_path, listed(configuration())), PULUMI_STACK=selected) as plugin:
        plugin.configure({})
        assert list(plugin.check(FeatureResource, FEATURE).failures) == []
    assert (tmp_path / "asked").read_text(encoding="utf-8").endswith(f" --stack {asked}\n")


NEITHER = "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"


def test_a_configuration_that_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    with process(PATH=cli(tmp_path, NEITHER, 255)) as plugin:
        plugin.configure({})
        reported = [refused(plugin) for _ in range(3)]
    assert reported[0] == (
        f"this computer: read the stack's configuration: {NEITHER.removeprefix('error: ')}. Set "
        "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE: the plugin reads the configuration by itself, and "
        "cannot ask for a passphrase."
    )
    assert (
        reported[1:]
        == ["not looked at: the configuration of this stack cannot be used, as the error of another resource says"] * 2
    )


def test_a_refresh_says_it_of_one_resource_and_leaves_the_others(tmp_path: Path) -> None:
    outputs = props(FeatureResource, {**FEATURE, "revision": "before"})
    request = provider_pb2.ReadRequest(id="x", urn=URN, properties=outputs, inputs=props(FeatureResource, FEATURE))
    with process(PATH=cli(tmp_path, NEITHER, 255)) as plugin:
        plugin.configure({})
        with pytest.raises(grpc.RpcError, match="passphrase must be set"):
            plugin.stub.Read(request)
        again = plugin.stub.Read(request)
    assert (again.id, again.properties, again.inputs) == ("x", request.properties, request.inputs)


def test_a_topology_that_is_gone_is_said_once(tmp_path: Path) -> None:
    given = configuration() | {f"{PROJECT}:topology": "topologies/gone.yaml"}
    with process(PATH=cli(tmp_path, listed(given))) as plugin:
        plugin.configure({})
        reported = [refused(plugin) for _ in range(2)]
    assert "topologies/gone.yaml" in reported[0]
    assert reported[1].startswith("not looked at")


def test_a_state_with_a_configuration_loses_it(plugin: Plugin) -> None:
    def changes(olds: dict[str, Any]) -> int:
        return int(plugin.stub.DiffConfig(provider_pb2.DiffRequest(urn=PROVIDER, olds=struct(olds))).changes)

    assert changes(configuration()) == provider_pb2.DiffResponse.DIFF_SOME
    assert changes({}) == provider_pb2.DiffResponse.DIFF_NONE


_ENGINE = """
import subprocess, sys
plugin = subprocess.Popen([sys.executable, "-u", "-m", "components.plugin", "127.0.0.1:1"])
print(plugin.pid, flush=True)
plugin.wait()
"""


def test_a_plugin_ends_when_its_engine_was_killed() -> None:
    """It has secrets in its memory, and would go on with what the engine asked for last."""
    engine = subprocess.Popen([sys.executable, "-c", _ENGINE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    plugin = int(engine.stdout.readline())
    assert engine.stdout.readline().strip().isdigit(), "it serves"
    engine.kill()
    engine.wait()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{plugin}").exists() and "\nState:\tZ" not in Path(f"/proc/{plugin}/status").read_text():
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.1)


_REPORTING = """
import sys
sys.argv = ["-", sys.argv[1]]
from components.progress import report, warn
from remote.secret import Secret
Secret("Never-Shown-3!")
report("On Portal1, do this with Never-Shown-3!.")
for _ in range(2):
    warn("SQL3 does not answer to Never-Shown-3!.")
"""


def shown(script: str) -> list[Any]:
    """What a script makes the engine show; its standard error has to stay empty."""
    engine = _Engine()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    done = subprocess.run([sys.executable, "-c", script, address], cwd=ROOT, capture_output=True, text=True, check=True)
    server.stop(None)
    assert done.stderr == ""
    return engine.logs


def test_progress_and_a_warning_once_reach_the_engine_without_secrets() -> None:
    reported = [(log.message, log.ephemeral, log.severity) for log in shown(_REPORTING)]
    assert reported == [
        ("On Portal1, do this with ***.", True, engine_pb2.INFO),
        ("SQL3 does not answer to ***.", False, engine_pb2.WARNING),
    ]


_ABOUT_A_RESOURCE = """
import sys, threading
from types import SimpleNamespace
from components.progress import report, report_here
from components.resource.pulumi_adapter import Adapter, World
from components.windows.feature import FeatureFacts, FeatureResource

def observe(resource, inputs):
    report("read it")
    elsewhere = threading.Thread(target=report_here(), args=("50 percent",))
    elsewhere.start()
    elsewhere.join()
    return FeatureFacts(installed=True, restart_pending=False)

adapter = Adapter(FeatureResource, world=World(observe, None, None))

class Servicer:  # as Pulumi's: the request stays with the caller
    def Read(self, request, context):
        return adapter.read("x", {"machine": "Portal1", "feature": "NLB"})

Servicer().Read(SimpleNamespace(urn="URN"), None)
report("of the stack")
"""


def test_progress_is_about_the_resource_that_the_engine_calls_for() -> None:
    reported = [(log.message, log.urn) for log in shown(_ABOUT_A_RESOURCE.replace('"URN"', repr(URN)))]
    assert reported == [("read it", URN), ("50 percent", URN), ("of the stack", "")]
