"""The stand-in for pulumi-command's plugin: the provider protocol, as the engine speaks it, and the real CLI."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

STAND_IN = Path(__file__).resolve().parents[1] / "tools" / "bootstrap" / "command_stand_in.py"
URN = "urn:pulumi:dev::p::command:local:Command::check"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "geheim"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.lines.append((request.urn, request.message))
        return empty_pb2.Empty()


class Plugin:
    """The plugin in a process of its own, with what it logged."""

    def __init__(self, stub: Any, engine: Engine) -> None:
        self.stub, self._engine = stub, engine

    @property
    def lines(self) -> list[str]:
        return [message for _, message in self._engine.lines]

    def create(self, **inputs: Any) -> dict[str, Any]:
        made = self.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(inputs)))
        assert made.id.startswith("check")
        return dict(json_format.MessageToDict(made.properties))

    def refused(self, **inputs: Any) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            self.create(**inputs)
        return str(caught.value.details())

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> tuple[bool, list[str], list[str]]:
        answer = self.stub.Diff(provider_pb2.DiffRequest(urn=URN, id="x", old_inputs=struct(olds), news=struct(news)))
        return answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.diffs), list(answer.replaces)

    def failures(self, **inputs: Any) -> dict[str, str]:
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(inputs)))
        return {failure.property: failure.reason for failure in answer.failures}


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[Any, Engine]]:
    engine = Engine()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    plugin = subprocess.Popen(
        [sys.executable, "-P", "-u", str(STAND_IN), f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert plugin.stdout is not None
    try:
        address = f"127.0.0.1:{int(plugin.stdout.readline())}"
        yield provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(address)), engine
    finally:
        plugin.kill()
        plugin.wait()
        server.stop(None)


@pytest.fixture
def plugin(process: tuple[Any, Engine]) -> Plugin:
    stub, engine = process
    engine.lines.clear()
    return Plugin(stub, engine)


def test_create_runs_the_command(plugin: Plugin, tmp_path: Path) -> None:
    made = plugin.create(
        create='cat; echo "$WHO in $(pwd)"; echo trouble >&2',
        stdin="first\n",
        environment={"WHO": "o'brien $x"},
        dir=str(tmp_path),
    )
    assert made["stdout"] == f"first\no'brien $x in {tmp_path}"
    assert made["stderr"] == "trouble"
    assert made["environment"] == {"WHO": "o'brien $x"}
    assert sorted(plugin.lines) == sorted(["first", f"o'brien $x in {tmp_path}", "trouble"])


def test_one_line_end_is_cut(plugin: Plugin) -> None:
    assert plugin.create(create="printf 'a\\n\\n'")["stdout"] == "a\n"


def test_interpreter(plugin: Plugin) -> None:
    assert plugin.create(create="print(6*7)", interpreter=[sys.executable, "-c"])["stdout"] == "42"


def test_nothing_to_run(plugin: Plugin) -> None:
    assert plugin.create(delete="true")["stdout"] == ""


@pytest.mark.parametrize(
    ("logging", "lines"),
    [("none", []), ("stdout", ["out"]), ("stderr", ["err"]), ("stdoutAndStderr", ["err", "out"])],
)
def test_logging(plugin: Plugin, logging: str, lines: list[str]) -> None:
    made = plugin.create(create="echo out; echo err >&2", logging=logging)
    assert sorted(plugin.lines) == lines
    assert (made["stdout"], made["stderr"]) == ("out", "err")


def test_failure_carries_status_and_output(plugin: Plugin) -> None:
    assert plugin.refused(create="echo bad >&2; exit 7") == "running 'echo bad >&2; exit 7': exit status 7:\nbad"
    assert "signal: SIGKILL" in plugin.refused(create="kill -9 $$")
    assert "No such file or directory" in plugin.refused(create="true", dir="/no/such")
    assert "/no/such" in plugin.refused(create="true", interpreter=["/no/such"])


def test_update_prefers_its_own_command_and_knows_the_earlier_output(plugin: Plugin) -> None:
    def update(**news: Any) -> Any:
        request = provider_pb2.UpdateRequest(
            urn=URN, id="x", olds=struct({"stdout": "before", "stderr": "noise"}), news=struct(news)
        )
        return json_format.MessageToDict(plugin.stub.Update(request).properties)["stdout"]

    earlier = 'echo "$PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"'
    assert update(create="echo created", update=earlier) == "before noise"
    assert update(create="echo created") == "created"
    assert update(create=earlier, addPreviousOutputInEnv=False).strip() == ""
    assert update(delete="true") == "before"


def test_delete_runs_its_command(plugin: Plugin, tmp_path: Path) -> None:
    state = {"delete": 'echo "$PULUMI_COMMAND_STDOUT" > gone', "dir": str(tmp_path), "stdout": "before", "stderr": ""}
    plugin.stub.Delete(provider_pb2.DeleteRequest(urn=URN, id="x", properties=struct(state)))
    assert (tmp_path / "gone").read_text() == "before\n"


def test_read_keeps_what_is_known(plugin: Plugin) -> None:
    request = provider_pb2.ReadRequest(
        urn=URN, id="x", properties=struct({"stdout": "a"}), inputs=struct({"create": "b"})
    )
    answer = plugin.stub.Read(request)
    assert answer.id == "x"
    assert json_format.MessageToDict(answer.properties) == {"stdout": "a"}
    assert json_format.MessageToDict(answer.inputs) == {"create": "b"}


def test_diff(plugin: Plugin) -> None:
    assert plugin.diff({"create": "a"}, {"create": "a"}) == (False, [], [])
    assert plugin.diff({"create": "a", "stdin": "b"}, {"create": "a"}) == (True, ["stdin"], [])
    assert plugin.diff({"triggers": [1]}, {"triggers": [2]}) == (True, ["triggers"], ["triggers"])
    assert plugin.diff({"triggers": [1], "update": "u"}, {"triggers": [2], "update": "u"}) == (True, ["triggers"], [])
    assert plugin.diff({"stdin": "geheim"}, {"stdin": SECRET}) == (False, [], [])
    assert plugin.diff({"triggers": [1]}, {"triggers": [UNKNOWN]}) == (True, ["triggers"], ["triggers"])


def test_a_secret_input_makes_the_outputs_secret(plugin: Plugin) -> None:
    made = plugin.create(create="cat", stdin=SECRET, logging="none")
    assert made["stdout"] == SECRET
    assert made["stderr"] == {**SECRET, "value": ""}
    assert made["stdin"] == SECRET


def test_a_secret_command_is_not_shown(plugin: Plugin) -> None:
    assert "geheim" not in plugin.refused(create={**SECRET, "value": "exit 9 # geheim"}, logging="none")


def test_check(plugin: Plugin) -> None:
    assert plugin.failures(create="true", triggers=[UNKNOWN], environment={"a": UNKNOWN}, dir=UNKNOWN) == {}
    assert plugin.failures(create=SECRET) == {}
    wrong = plugin.failures(create=1, logging="loud", assetPaths=["*"], colour="red")
    assert set(wrong) == {"create", "logging", "assetPaths", "colour"}
    assert wrong["logging"] == "choose one of stdout, stderr, stdoutAndStderr, none"


@pytest.mark.parametrize("kind", ["command:remote:Command", "command:remote:CopyToRemote"])
def test_other_resources_are_refused(plugin: Plugin, kind: str) -> None:
    request = provider_pb2.CheckRequest(urn=f"urn:pulumi:dev::p::{kind}::x", news=struct({}))
    with pytest.raises(grpc.RpcError) as caught:
        plugin.stub.Check(request)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert f"only runs command:local:Command, not resource {kind}" in caught.value.details()


def test_functions_are_refused(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        plugin.stub.Invoke(provider_pb2.InvokeRequest(tok="command:local:run"))
    assert "not function command:local:run" in caught.value.details()


def test_cancel_ends_a_running_command(plugin: Plugin) -> None:
    begun = time.monotonic()
    with futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(plugin.refused, create="echo started; sleep 60 & wait")
        while "started" not in plugin.lines and time.monotonic() - begun < 10:
            time.sleep(0.02)
        plugin.stub.Cancel(empty_pb2.Empty())
        assert "signal: SIGKILL" in running.result(timeout=10)


PROGRAM = """
import pulumi
from pulumi_command import local
config = pulumi.Config()
said = local.Command("said", create="echo hello; cat", stdin="in", triggers=[config.require("marker")])
hidden = local.Command("hidden", create="cat", stdin=config.require_secret("word"), logging="none")
pulumi.export("said", said.stdout)
pulumi.export("hidden", hidden.stdout)
"""


@pytest.mark.e2e
def test_with_the_real_cli(tmp_path: Path) -> None:
    """The CLI finds the stand-in on PATH, runs it, sees no change, replaces on a trigger, and hides secrets."""
    assert shutil.which("pulumi"), 'run make test, or eval "$(make -s env)" first'
    (tmp_path / "state").mkdir()
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    stand_in = bin_ / "pulumi-resource-command"
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -P -u {STAND_IN} "$@"\n')
    stand_in.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text(
        f"name: p\nruntime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}\noptions: {{refresh: always}}\n"
    )
    (tmp_path / "__main__.py").write_text(PROGRAM)
    env = {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }

    def pulumi(*arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    pulumi("stack", "init", "dev")
    pulumi("config", "set", "marker", "1")
    pulumi("config", "set", "--secret", "word", "geheim")
    assert "3 created" in pulumi("up", "--yes", "--skip-preview")
    assert json.loads(pulumi("stack", "output", "--json")) == {"said": "hello\nin", "hidden": "[secret]"}
    assert "geheim" not in pulumi("stack", "export")
    assert "3 unchanged" in pulumi("up", "--yes", "--skip-preview")
    pulumi("config", "set", "marker", "2")
    assert "+-1 replaced" in pulumi("up", "--yes", "--skip-preview")
    assert "3 deleted" in pulumi("destroy", "--yes", "--skip-preview")


def test_the_engine_ends_it_with_an_interrupt() -> None:
    """A traceback would be the last thing that the operator reads of a preview."""
    plugin = subprocess.Popen(
        [sys.executable, "-P", "-u", str(STAND_IN)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert plugin.stdout is not None
    assert plugin.stdout.readline()
    plugin.send_signal(signal.SIGINT)
    _, errors = plugin.communicate(timeout=60)
    assert (plugin.returncode, errors) == (0, "")


def test_it_ends_soon_after_an_engine_that_was_killed() -> None:
    """One that is killed ends nothing. The shell stands for it."""
    command = f"'{sys.executable}' -P -u '{STAND_IN}' & echo $!; wait"
    engine = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    plugin, _port = (int(engine.stdout.readline()) for _ in range(2))
    engine.kill()
    try:
        engine.communicate(timeout=20)  # until nothing is left that could print
    except subprocess.TimeoutExpired:
        os.kill(plugin, signal.SIGKILL)
        raise
