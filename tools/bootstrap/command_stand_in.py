"""A stand-in for the plugin of pulumi-command, for computers on which the real one cannot be downloaded.

It speaks Pulumi's provider protocol and runs ``command:local:Command`` as version 1.2 of the real plugin does
(source: provider/pkg/provider/local of pulumi/pulumi-command): the interpreter gets the command as its last argument,
the earlier output is in PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR, a changed trigger replaces the resource
unless there is an ``update`` command, one trailing line end is cut from the outputs, and when an input is secret the
outputs are. Not modelled, and refused: every other resource, functions, ``assetPaths`` and ``archivePaths``.

The CLI starts it as a program; ``command_plugin`` installs it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass
from importlib.metadata import version
from typing import IO, Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

TYPE = "command:local:Command"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark for a secret, not one
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_NOT_MODELLED = ("assetPaths", "archivePaths")
_KINDS: dict[str, type] = {
    "create": str,
    "update": str,
    "delete": str,
    "stdin": str,
    "dir": str,
    "logging": str,
    "environment": dict,
    "interpreter": list,
    "triggers": list,
    "addPreviousOutputInEnv": bool,
}
_LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")


class CommandError(Exception):
    """A command could not be started or failed. The text carries the exit status and everything it printed."""


@dataclass(frozen=True)
class Outcome:
    stdout: str
    """What the command wrote, UTF-8, without the line end at its end."""
    stderr: str
    """As ``stdout``."""


class Runner:
    """Starts commands, passes their lines to a log while they run, and ends them all when told to."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, command: str, inputs: Mapping[str, Any], before: Outcome, log: Any) -> Outcome:
        """Run a command to its end. ``log`` is called with each line that ``logging`` lets through."""
        environment = {**os.environ, **inputs.get("environment", {})}
        if inputs.get("addPreviousOutputInEnv", True):
            earlier = {"PULUMI_COMMAND_STDOUT": before.stdout, "PULUMI_COMMAND_STDERR": before.stderr}
            environment |= {name: text for name, text in earlier.items() if text}
        arguments = [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), command]
        try:
            process = subprocess.Popen(  # noqa: S603 - running the command that the program gives is the purpose
                arguments,
                cwd=inputs.get("dir"),
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"{error.strerror}: {error.filename}") from None
        with self._lock:
            self._running.add(process)
        try:
            return self._collect(process, inputs, log)
        finally:
            with self._lock:
                self._running.discard(process)

    def _collect(self, process: subprocess.Popen[str], inputs: Mapping[str, Any], log: Any) -> Outcome:
        logging = inputs.get("logging", "stdoutAndStderr")
        out: list[str] = []
        err: list[str] = []
        both: list[str] = []

        def read(stream: IO[str] | None, lines: list[str], logged: bool) -> None:
            for line in stream or ():
                lines.append(line)
                both.append(line)
                if logged:
                    log(line.rstrip("\n"))

        readers = [
            threading.Thread(target=read, args=(process.stdout, out, logging in ("stdout", "stdoutAndStderr"))),
            threading.Thread(target=read, args=(process.stderr, err, logging in ("stderr", "stdoutAndStderr"))),
        ]
        for reader in readers:
            reader.start()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # a command need not read what it is given
                process.stdin.write(inputs.get("stdin", ""))
                process.stdin.close()
        for reader in readers:
            reader.join()
        status = process.wait()
        if status:
            ended = f"exit status {status}" if status > 0 else f"signal: {signal.Signals(-status).name}"
            raise CommandError(f"{ended}:\n{''.join(both)}".rstrip())
        return Outcome("".join(out).removesuffix("\n"), "".join(err).removesuffix("\n"))

    def cancel(self) -> None:
        """End every command that runs, its children included."""
        with self._lock:
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. ``engine`` is its address for log lines; without it they go to stderr."""

    def __init__(self, engine: str | None) -> None:
        self._runner = Runner()
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names, here and below
        return plugin_pb2.PluginInfo(version=version("pulumi-command"))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=False)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._own(request.urn, context)
        inputs = _plain(_values(request.news))
        failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in _faults(inputs)]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._own(request.urn, context)
        olds = _plain(_values(request.old_inputs) or _values(request.olds))
        news = _plain(_values(request.news))
        changed = sorted(key for key in _KINDS if olds.get(key) != news.get(key))
        replaces = [key for key in changed if key == "triggers" and "update" not in news]
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE, diffs=changed, replaces=replaces
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._own(request.urn, context)
        name = request.urn.rsplit("::", 1)[-1]
        outputs = self._run("create", request.urn, _values(request.properties), Outcome("", ""), context)
        return provider_pb2.CreateResponse(id=name + secrets.token_hex(4), properties=outputs)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A command leaves nothing that could be looked at: what is known is what there is."""
        self._own(request.urn, context)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._own(request.urn, context)
        news = _values(request.news)
        which = "update" if "update" in news else "create"
        outputs = self._run(which, request.urn, news, _outcome(_values(request.olds)), context)
        return provider_pb2.UpdateResponse(properties=outputs)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._own(request.urn, context)
        state = _values(request.properties)
        self._run("delete", request.urn, state, _outcome(state), context)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._runner.cancel()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, f"function {request.tok}")

    def Call(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, f"method {request.tok}")

    def Construct(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, f"component {request.type}")

    def _own(self, urn: str, context: Any) -> None:
        kind = urn.split("::")[2].rsplit("$", 1)[-1]
        if kind != TYPE:
            _refuse(context, f"resource {kind}")

    def _run(self, which: str, urn: str, values: dict[str, Any], before: Outcome, context: Any) -> struct_pb2.Struct:
        """Run one of the commands, if it is given, and give back the resource's outputs."""
        inputs = {key: value for key, value in values.items() if key in _KINDS}
        plain = _plain(inputs)
        outcome = before
        if which in plain:
            try:
                outcome = self._runner.run(plain[which], plain, before, lambda line: self._log(urn, line))
            except CommandError as error:
                shown = "[secret]" if plain[which] != inputs[which] else plain[which]
                context.abort(grpc.StatusCode.UNKNOWN, f"running {shown!r}: {error}")
        texts = {"stdout": outcome.stdout, "stderr": outcome.stderr}
        hidden = plain != inputs
        outputs = {**inputs, **({key: _secret(text) for key, text in texts.items()} if hidden else texts)}
        struct = struct_pb2.Struct()
        struct.update(outputs)
        return struct

    def _log(self, urn: str, line: str) -> None:
        if self._engine is None:
            print(line, file=sys.stderr, flush=True)
            return
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True)
        self._engine.Log(request)


def _refuse(context: Any, what: str) -> NoReturn:
    text = f"the stand-in for pulumi-command's plugin only runs {TYPE}, not {what}"
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{text}; install the plugin: pulumi plugin install resource command")
    raise AssertionError("abort raises")


def _faults(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with the inputs; a value that is not known yet is right."""
    faults: list[tuple[str, str]] = []
    for key, value in inputs.items():
        if key in _NOT_MODELLED:
            faults.append((key, "the stand-in for pulumi-command's plugin does not collect files"))
        elif key not in _KINDS:
            faults.append((key, f"unknown input; choose one of {', '.join(_KINDS)}"))
        elif value != _UNKNOWN and not isinstance(value, _KINDS[key]):
            faults.append((key, f"must be of type {_KINDS[key].__name__}"))
        elif key == "logging" and value not in (*_LOGGING, _UNKNOWN):
            faults.append((key, f"choose one of {', '.join(_LOGGING)}"))
    return faults


def _values(struct: struct_pb2.Struct) -> dict[str, Any]:
    return dict(json_format.MessageToDict(struct))


def _plain(value: Any) -> Any:
    """The same without the marks of secrets."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return _plain(value["value"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _secret(value: str) -> dict[str, str]:
    return {_SIGNATURE: _SECRET, "value": value}


def _outcome(state: dict[str, Any]) -> Outcome:
    plain = _plain(state)
    return Outcome(plain.get("stdout", ""), plain.get("stderr", ""))


_LOOK_SECONDS = 2.0


def main() -> None:
    """Serve until the engine ends this process, or is gone: one that was killed tells nobody. The first line printed
    is the port."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it in the background ignores it
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    engine = sys.argv[1] if len(sys.argv) > 1 and ":" in sys.argv[1] else None
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with contextlib.suppress(KeyboardInterrupt):  # SIGINT is how the engine ends a plugin
        print(port, flush=True)
        while server.wait_for_termination(timeout=_LOOK_SECONDS) and os.getppid() == parent:
            pass


if __name__ == "__main__":
    main()
