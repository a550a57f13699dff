"""What the make targets rest on: pins that agree, the ways to a Pulumi CLI, and errors that say what to install."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.testing.process import locked
from tools.bootstrap import (
    command_plugin,
    design,
    farm,
    lab_pulumi,
    project,
    pulumi_cli,
    python_environment,
    system_packages,
)
from tools.bootstrap.stage import StageError, quiet

ROOT = Path(__file__).resolve().parents[1]
VERSION = "v3.259.0"
PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")


def test_pins_agree() -> None:
    """The CLI that is built, the SDK and the required range are of one version."""
    assert pulumi_cli.pinned_version() == f"v{project.pinned('pulumi')}"
    assert project.accepts(project.required_range(), pulumi_cli.pinned_version())


@pytest.mark.parametrize(
    ("wanted", "version", "holds"),
    [
        (">=3.259.0 <3.260.0", "v3.259.0", True),
        (">=3.259.0 <3.260.0", "v3.259.7", True),
        (">=3.259.0 <3.260.0", "v3.260.0", False),
        (">=3.259.0 <4.0.0", "v3.276.0", True),
        (">=3.259.0 <4.0.0", "v4.0.0", False),
        (">=3.259.0 <3.260.0", "v3.258.9", False),
        (">3.9.0", "v3.10.0", True),
        ("<=3.9.0", "3.9.0", True),
        ("=3.9.0", "3.9.1", False),
        ("3.9.0", "3.9.0", True),
        (">=3.259.0", "no version", False),
    ],
)
def test_range(wanted: str, version: str, holds: bool) -> None:
    assert project.accepts(wanted, version) is holds


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **variables}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def read_only(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the project folder is on a read-only file system."""
    remount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", remount, str(ROOT), *command]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


def test_a_read_only_project_folder_is_one_line() -> None:
    if read_only("true").returncode:
        pytest.skip("no mount of its own is allowed here")
    done = read_only("make", "-s", "up")
    stopped = [line for line in done.stderr.splitlines() if line.startswith("Stopped: ")]
    assert len(stopped) == 1
    assert "cannot be written to, by its rights or because it is on a read-only file system" in stopped[0]
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert read_only("make", "-s", "env").returncode == 0, "it only prints"


def lab_shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell of the lab. ``variables`` are the operator's own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    script = f'eval "$(make -s env)"; {command}'
    return subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env={**own, **variables}, capture_output=True, text=True, check=False
    )


def test_environment_for_a_shell() -> None:
    """The lab's programs come first; nothing of the lab's Pulumi is exported."""
    done = lab_shell('echo "$PATH"; echo "$LAB_DESIGN"; echo "$LAB_DIRECTORY"; echo "$LAB_TOPOLOGY"; env')
    path, *chosen = done.stdout.splitlines()[:4]
    assert chosen == ["single-domain", f"{ROOT}/.lab", f"{ROOT}/topologies/single-domain.yaml"]
    assert path.split(":")[:3] == [str(ROOT / part) for part in ("tools/lab-shell", ".venv/bin", ".tools/bin")]
    pulumi = {line.partition("=")[0] for line in done.stdout.splitlines() if line.startswith("PULUMI_")}
    assert pulumi == {"PULUMI_SKIP_UPDATE_CHECK"}


LABS = {"PULUMI_BACKEND_URL": f"file://{ROOT}/.pulumi-state", "PULUMI_CONFIG_PASSPHRASE": "lab"}


@pytest.mark.parametrize(
    ("arguments", "design", "stack"),
    [
        (["up"], "", "dev"),
        (["preview", "--diff"], "distributed", "dev-distributed"),
        (["preview", "--stack", "dev-wa4ws"], "", "dev"),
        (["stack", "select", "dev-wa4ws"], "", "dev"),
        (["config", "set", "--secret", "passphrase"], "", "dev"),
    ],
)
def test_pulumi_in_a_shell_of_the_lab(arguments: list[str], design: str, stack: str) -> None:
    given = lab_pulumi.environment_for(arguments, {"LAB_DESIGN": design} if design else {})
    assert {**LABS, "PULUMI_STACK": stack}.items() <= given.items()


@pytest.mark.parametrize(
    "arguments",
    [
        ["stack", "init", "mine"],
        ["stack", "init", "--secrets-provider", "passphrase", "mine"],
        ["stack", "select", "--create", "production"],
        ["preview", "--stack", "mine"],
        ["up", "-s", "acme/farm/production"],
        ["up", "--stack=develop"],
        ["stack", "init"],
        ["new"],
        ["login", "file://~"],
        ["logout"],
    ],
)
def test_the_labs_passphrase_is_never_given_to_another_stack(arguments: list[str]) -> None:
    with pytest.raises(lab_pulumi.NotOfTheLabError, match=r"This shell is the lab's.* Open a new shell"):
        lab_pulumi.environment_for(arguments, {})


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "PULUMI_STACK"])
def test_the_operators_own_values_win(name: str) -> None:
    assert lab_pulumi.environment_for(["stack", "init", "mine"], {name: "own"}) == {}


def test_the_shell_of_the_lab_refuses_a_stack_of_ones_own(tmp_path: Path) -> None:
    refused = lab_shell("pulumi stack init mine")
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: This shell is the lab's, and mine is no stack of the lab. Open a new shell"
    )
    assert not list((ROOT / ".pulumi-state").rglob("mine.json*"))
    own = lab_shell("pulumi whoami --verbose", PULUMI_BACKEND_URL=f"file://{tmp_path}", PULUMI_CONFIG_PASSPHRASE="own")
    assert f"file://{tmp_path}" in own.stdout


def test_environment_of_an_odd_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and quotes in a path survive the shell."""
    monkeypatch.setenv("PATH", "/odd 'folder'/$x")
    done = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; echo "$PATH"', "sh", project.exports()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().endswith("/odd 'folder'/$x")


def test_help_lists_the_targets() -> None:
    printed = make("help").stdout
    for target in ("up", "down", "check", "test", "env", "setup"):
        assert f"make {target} " in printed


@pytest.fixture
def designs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project with three topologies, of which one has no stack for the lab."""
    (tmp_path / "topologies").mkdir()
    for name in ("distributed", "half", "single-domain"):
        (tmp_path / "topologies" / f"{name}.yaml").touch()
    for stack in ("dev", "dev-distributed", "dev-gone", "half"):
        (tmp_path / f"Pulumi.{stack}.yaml").touch()
    monkeypatch.setattr(design, "ROOT", tmp_path)
    monkeypatch.setattr(farm, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["nowhere", "half", "gone", ""])
def test_unknown_design(designs: Path, name: str) -> None:
    """A design needs a topology and a stack for the lab; those that have both are named."""
    for order in (farm.up, farm.down, design.Design.named):
        with pytest.raises(StageError, match=rf"no DESIGN={name} .* Choose one of distributed, single-domain\.$"):
            order(name)


def test_every_design_has_its_own_stack_and_lab() -> None:
    assert (design.Design("single-domain").stack, design.Design("single-domain").lab) == ("dev", ".lab")
    assert (design.Design("x").stack, design.Design("x").lab) == ("dev-x", ".lab-x")


def test_environment_of_an_unknown_design() -> None:
    done = make("-s", "env", "DESIGN=nowhere")
    assert (done.stdout, "There is no DESIGN=nowhere" in done.stderr) == ("", True)
    assert done.returncode


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Instead of running anything: what would have been run. ``pulumi`` knows a stack dev with a resource."""
    commands: list[str] = []

    def note(command: list[Any], env: dict[str, str] | None = None, hint: str = "") -> None:
        commands.append(" ".join(str(part) for part in command if not str(part).startswith("/")))

    def answer(command: list[Any], env: dict[str, str] | None = None) -> str:
        if "load-balancer" in command:  # what an external load balancer has to carry: there is none
            return "[]"
        note(command)
        if "ls" in command:
            return '[{"name": "dev"}]'
        return '{"deployment": {"resources": [{}]}}' if "export" in command else '{"portal": "x", "readme": "a\\nb"}'

    monkeypatch.setattr(farm, "run", note)
    monkeypatch.setattr(farm, "quiet", answer)
    monkeypatch.setattr(farm, "STATE", tmp_path)
    return commands


def test_up_starts_the_lab_before_pulumi(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    farm.up("single-domain")
    assert started[0] == "-m lab up --topology topologies/single-domain.yaml --directory .lab"
    assert started[1].startswith("pulumi stack select --create dev")
    assert started[2].startswith("pulumi up --stack dev --policy-pack policy --yes")
    assert "  portal: x\n  readme: (several lines: pulumi stack output readme)" in capsys.readouterr().out


def note(commands: list[str], command: list[Any]) -> str:
    """Keep what would have been run; the answer has no outputs."""
    commands.append(" ".join(str(part) for part in command))
    return "{}"


def test_up_configures_an_external_load_balancer_before_pulumi(
    started: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".lab").mkdir()
    instructions = '[{"port": 443}]'
    monkeypatch.setattr(farm, "ROOT", tmp_path)
    monkeypatch.setattr(farm, "quiet", lambda c, _env: instructions if "load-balancer" in c else note(started, c))
    farm.up("single-domain")
    assert started[1] == "-m lab balancer --directory .lab"
    assert started[2].startswith("pulumi stack select")
    assert (tmp_path / ".lab" / "load-balancer.json").read_text(encoding="utf-8") == instructions


def test_down_destroys_before_the_lab_stops(started: list[str]) -> None:
    farm.down("single-domain")
    assert [command for command in started if "lab" in command or "--yes" in command] == [
        "-m lab up --topology topologies/single-domain.yaml --directory .lab",
        "pulumi destroy --stack dev --yes --skip-preview --non-interactive",
        "-m lab down --directory .lab",
    ]


def test_down_with_nothing_to_destroy_only_stops_the_lab(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farm, "STATE", ROOT / "no such folder")
    farm.down("single-domain")
    assert started == ["-m lab down --directory .lab"]


def test_the_lab_of_another_design_makes_room(
    started: list[str], designs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a lab that runs is stopped, it is said, and its folder stays."""
    for folder in (".lab", ".lab-idle", ".lab-distributed"):
        (designs / folder).mkdir()
        (designs / folder / "lab.lock").touch()
    with locked(designs / ".lab"), locked(designs / ".lab-distributed"):
        farm.up("distributed")
    labs = [command for command in started if "-m lab" in command]
    assert labs == [
        "-m lab down --directory .lab",
        "-m lab up --topology topologies/distributed.yaml --directory .lab-distributed",
    ]
    assert "stop the one of design single-domain" in capsys.readouterr().out
    assert "--stack dev-distributed" in started[-1]


def test_another_designs_lab_is_left_alone_by_down(started: list[str], designs: Path) -> None:
    (designs / ".lab").mkdir()
    with locked(designs / ".lab"):
        farm.down("distributed")
    assert started[-1] == "-m lab down --directory .lab-distributed"
    assert not [command for command in started if command == "-m lab down --directory .lab"]


# --- the Pulumi CLI -------------------------------------------------------------------------------------------------


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for tools, and an empty PATH."""
    monkeypatch.setattr(pulumi_cli, "BIN", tmp_path / "tools" / "bin")
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def unreachable(version: str) -> None:
    raise StageError("out of reach")


def forbidden(version: str) -> None:
    raise AssertionError("nothing had to be installed")


def only(monkeypatch: pytest.MonkeyPatch, **ways: Any) -> None:
    for name, way in ways.items():
        way.__name__ = name
        monkeypatch.setattr(pulumi_cli, name, way)


@pytest.mark.parametrize(("version", "used"), [("v3.259.3", True), ("v4.1.0", False)])
def test_cli_on_path(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, version: str, used: bool) -> None:
    for name in PROGRAMS:
        program(elsewhere / "path" / name, f"#!/bin/sh\necho {version}\n")
    installed: list[str] = []
    only(monkeypatch, download=lambda version: installed.append(version), build=forbidden)
    pulumi_cli.pulumi_cli()
    assert installed == ([] if used else [VERSION])


def test_cli_on_path_without_its_language_host(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(elsewhere / "path" / "pulumi", f"#!/bin/sh\necho {VERSION}\n")
    installed: list[str] = []
    only(monkeypatch, download=unreachable, build=lambda version: installed.append(version))
    pulumi_cli.pulumi_cli()
    assert installed == [VERSION]


def test_cli_that_is_there_is_not_installed_again(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(version: str) -> None:
        for name in PROGRAMS:
            program(elsewhere / "tools" / "bin" / name, "#!/bin/sh\n")

    only(monkeypatch, download=install, build=forbidden)
    pulumi_cli.pulumi_cli()
    only(monkeypatch, download=forbidden, build=forbidden)
    pulumi_cli.pulumi_cli()


def test_no_way_to_a_cli(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, download=unreachable)
    with pytest.raises(StageError) as caught:
        pulumi_cli.pulumi_cli()
    text = str(caught.value)
    assert "Install a Pulumi CLI >=3.259.0 <4.0.0" in text
    assert "or Go 1.25" in text
    assert "out of reach" in text
    assert "Go is not installed" in text


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for name in ("pulumi", "pulumi-language-python"):
            content = f"#!/bin/sh\necho {name}\n".encode()
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
        outside = tarfile.TarInfo("pulumi/../../outside")
        outside.size = 1
        files.addfile(outside, io.BytesIO(b"x"))
    return packed.getvalue()


@contextlib.contextmanager
def release_site(files: dict[str, bytes]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: the test's output is its own."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


RELEASE = f"pulumi-{VERSION}-linux-x64.tar.gz"


def sums(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "releases.sha256"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def test_release_is_installed(tmp_path: Path) -> None:
    packed = archive()
    other = f"{'0' * 64}  pulumi-{VERSION}-linux-arm64.tar.gz"
    known = sums(tmp_path, other, f"{hashlib.sha256(packed).hexdigest()}  {RELEASE}")
    with release_site({f"/{RELEASE}": packed}) as site:
        pulumi_cli.download(VERSION, site, tmp_path / "bin", known)
    assert subprocess.check_output([str(tmp_path / "bin" / "pulumi")], text=True) == "pulumi\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bin", known.name]


def test_release_with_another_checksum_than_the_repositorys(tmp_path: Path) -> None:
    """Also where the site itself publishes the checksum of what it gives."""
    packed = archive()
    published = f"{hashlib.sha256(packed).hexdigest()}  {RELEASE}\n".encode()
    files = {f"/{RELEASE}": packed, f"/pulumi-{VERSION[1:]}-checksums.txt": published}
    with (
        release_site(files) as site,
        pytest.raises(StageError, match=r"has the SHA-256 .*, releases\.sha256 another; it was not installed"),
    ):
        pulumi_cli.download(VERSION, site, tmp_path / "bin")
    assert not (tmp_path / "bin").exists()


def test_release_without_a_checksum_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"releases\.sha256 has no checksum of pulumi-v9\.0\.0-linux-x64\.tar\.gz"):
        pulumi_cli.download("v9.0.0", "http://127.0.0.1:9", tmp_path)


def test_every_release_of_the_pinned_version_has_a_checksum() -> None:
    listed = [line.split("  ")[1] for line in pulumi_cli.SUMS.read_text().splitlines()]
    pinned = pulumi_cli.pinned_version()
    assert listed == [f"pulumi-{pinned}-linux-{machine}.tar.gz" for machine in ("x64", "arm64")]


def test_a_module_with_another_sum_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go compares the modules that it has with go.sum: nothing else decides, whatever the operator's settings are."""
    go = shutil.which("go")
    version = "github.com/pulumi/pulumi/sdk/v3/go/common/version"
    offline = {**os.environ, "GOPROXY": "off"}
    cli = ROOT / "tools" / "pulumi"
    if go is None or subprocess.run([go, "list", version], cwd=cli, env=offline, capture_output=True).returncode:
        pytest.skip("Go is not installed, or has never built the CLI")
    for folder in ("pulumi", "language-host"):
        shutil.copytree(ROOT / "tools" / folder, tmp_path / "tools" / folder)
    changed = tmp_path / "tools" / "pulumi" / "go.sum"
    right = re.search(rf"(?m)^github.com/pulumi/pulumi/pkg/v3 {VERSION} h1:(\S+)$", changed.read_text())
    assert right is not None, "the sum of Pulumi's own module is in the repository"
    changed.write_text(changed.read_text().replace(right.group(1), f"{'A' * 43}="))
    monkeypatch.setattr(pulumi_cli, "ROOT", tmp_path)
    monkeypatch.setattr(pulumi_cli, "BIN", tmp_path / "bin")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GONOSUMDB", "*")
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(StageError, match="checksum mismatch"):
        pulumi_cli.build(VERSION)
    assert not (tmp_path / "bin" / "pulumi").exists()


def test_release_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="cannot be downloaded"):
        pulumi_cli.download(VERSION, "http://127.0.0.1:9", tmp_path)


def test_no_release_for_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "mips")
    with pytest.raises(StageError, match="no release is known for Linux on mips"):
        pulumi_cli.download(VERSION, "http://127.0.0.1:9", tmp_path)


# --- the other stages -----------------------------------------------------------------------------------------------


def test_python_packages_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("something was started")

    for name in ("constraints.txt", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(python_environment, "run", started)
    for folder in (ROOT, tmp_path):
        python_environment.python_environment(folder)
    (tmp_path / "constraints.txt").write_text("changed requirements")
    with pytest.raises(AssertionError, match="started"):
        python_environment.python_environment(tmp_path)


def test_odbc_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StageError, match="sudo apt-get install unixodbc"):
        system_packages.odbc("libnosuch.so.9")


def test_a_browser_that_cannot_be_installed_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StageError("no such package")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(system_packages, "quiet", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system_packages.browser()
    program(tmp_path / "apt-get", "")
    system_packages.browser()
    reported = capsys.readouterr().out
    assert "No Chromium on PATH: the tests that need a browser are skipped" in reported
    assert "the tests that need a browser are skipped: no such package" in reported


def test_plugin_stand_in_only_where_nothing_can_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bin_, asked = tmp_path / "bin", tmp_path / "asked"
    bin_.mkdir()
    monkeypatch.setattr(command_plugin, "PULUMI_HOME", tmp_path / "home")
    monkeypatch.setattr(command_plugin, "lab_environment", lambda: {"PATH": str(bin_)})
    install = f"plugin install resource command {project.pinned('pulumi-command')}"
    program(bin_ / "pulumi", f'#!/bin/sh\necho "$@" >> {asked}\n')
    command_plugin.command_plugin()
    assert asked.read_text() == f"{install}\n"
    asked.unlink()
    program(bin_ / "pulumi", f'#!/bin/sh\necho "$@" >> {asked}\ncase "$*" in *--file*) exit 0;; esac\nexit 1\n')
    command_plugin.command_plugin()
    stand_in = ROOT / "tools" / "bootstrap" / "pulumi-resource-command"
    assert asked.read_text() == f"{install}\n{install} --file {stand_in}\n"
    assert os.access(stand_in, os.X_OK)
    folder = tmp_path / "home" / "plugins" / f"resource-command-v{project.pinned('pulumi-command')}"
    folder.mkdir(parents=True)
    asked.unlink()
    script = folder / "pulumi-resource-command"
    real, former, current = b"\x7fELF", b"#!/bin/sh\nexec former/place\n", stand_in.read_bytes()
    for found, left in ((real, real), (former, current)):
        program(script, "")
        script.write_bytes(found)
        command_plugin.command_plugin()
        assert script.read_bytes() == left
        assert os.access(script, os.X_OK)
    assert not asked.exists(), "it is there"


def test_a_failing_command_shows_its_end() -> None:
    with pytest.raises(StageError, match="exit status 3:\nlast words"):
        quiet(["/bin/sh", "-c", "echo last words; exit 3"])
    with pytest.raises(StageError, match="was not done after"):
        quiet(["/bin/sh", "-c", "sleep 5"], timeout_seconds=0.2)
    with pytest.raises(StageError, match="/no/such is not installed"):
        quiet(["/no/such"])


def test_modules_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment forbids Python to write bytecode, and though most of the packages are missing here."""
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "farm.py").write_text("ANSWER = 42\n")
    monkeypatch.setattr(python_environment, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    python_environment.bytecode()
    assert list((tmp_path / "components" / "__pycache__").glob("farm.*.pyc"))
