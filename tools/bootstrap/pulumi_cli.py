"""The Pulumi CLI with its Python language host: from PATH, as a release, or built from the Go modules in tools/.

What is installed is what this repository names: a release by its SHA-256 in tools/pulumi/releases.sha256 (Pulumi's own
Homebrew formula for this version has the same), modules by the sums in go.sum, which Go compares also for modules that
it has already.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from tools.bootstrap.project import BIN, ROOT, accepts, required_range
from tools.bootstrap.stage import StageError, quiet, say, stage

RELEASES = "https://get.pulumi.com/releases/sdk"
SUMS = ROOT / "tools" / "pulumi" / "releases.sha256"
_CLI = "github.com/pulumi/pulumi/pkg/v3"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_HOST = "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3"
_PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")
"""What must be there: the CLI, the Python language host with its starter, and the host of dynamic providers."""
_SILENCE_SECONDS = 8
"""How long a download may wait for the connection, or for the next bytes."""


def pulumi_cli() -> None:
    """Guarantees a CLI in the range of Pulumi.yaml: installed in .tools/bin, or the one that is on PATH already."""
    version, stamp = pinned_version(), BIN.parent / "pulumi-version"
    if stamp.exists() and stamp.read_text() == version and all((BIN / name).exists() for name in _PROGRAMS):
        return
    if _on_path():
        return
    with stage(f"Pulumi CLI {version}"):
        reasons: list[str] = []
        for way in (download, build):
            try:
                way(version)
            except StageError as error:
                say(f"   not {way.__name__}ed: {str(error).splitlines()[0]}" if way is download else "   not built")
                reasons.append(str(error))
                continue
            stamp.write_text(version)
            return
    wanted = f"Install a Pulumi CLI {required_range()} (https://www.pulumi.com/docs/install/) or Go {_go_needed()}"
    raise StageError(f"{wanted} or newer, and run make again. Tried:\n- " + "\n- ".join(reasons))


def pinned_version() -> str:
    """The version that tools/pulumi builds, such as ``v3.259.0``."""
    found = re.search(rf"{re.escape(_CLI)} (v\S+)", (ROOT / "tools" / "pulumi" / "go.mod").read_text())
    if found is None:
        raise LookupError("tools/pulumi/go.mod does not name the version of the CLI")
    return found.group(1)


def _on_path() -> bool:
    """Whether a complete CLI in the required range is installed on this computer."""
    if not all(shutil.which(name) for name in _PROGRAMS):
        return False
    done = subprocess.run(
        ["pulumi", "version"],  # noqa: S607 - the very question is what PATH has
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode == 0 and accepts(required_range(), done.stdout.strip())


def download(version: str, releases: str = RELEASES, into: Path = BIN, sums: Path = SUMS) -> None:
    """Install the official release if it has the checksum in ``sums``. Raises StageError, soon where it is out of
    reach."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        raise StageError(f"no release is known for {platform.system()} on {platform.machine()}")
    name = f"pulumi-{version}-linux-{machine}.tar.gz"
    expected = re.search(rf"(?m)^([0-9a-f]{{64}})  {re.escape(name)}$", sums.read_text())
    if expected is None:
        raise StageError(f"{sums.name} has no checksum of {name}; it was not downloaded")
    archive = _fetch(f"{releases}/{name}")
    found = hashlib.sha256(archive).hexdigest()
    if found != expected.group(1):
        raise StageError(f"{name} has the SHA-256 {found}, {sums.name} another; it was not installed")
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files.getmembers():
            content = files.extractfile(member) if member.isfile() else None
            if content is not None:
                _install(content.read(), into / Path(member.name).name)


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310 - the address is a constant of ours
            return bytes(answer.read())
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise StageError(f"the release cannot be downloaded ({reason})") from None


def build(version: str) -> None:
    """Build the CLI and the language host from the modules pinned in tools/. Minutes when nothing is cached. Raises
    StageError also for a module that has another sum than in go.sum."""
    go = shutil.which("go")
    if go is None:
        raise StageError("it cannot be built: Go is not installed")
    say("   building it from the Go modules in tools/, about five minutes on two cores …")
    BIN.mkdir(parents=True, exist_ok=True)
    cli, host = ROOT / "tools" / "pulumi", ROOT / "tools" / "language-host"
    # Nothing of the operator's own Go settings decides which sums hold.
    env = {
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": os.environ.get("CGO_ENABLED", "0"),
    }
    flags = f"-s -w -X {_SDK}/go/common/version.Version={version}"
    quiet([go, "build", "-trimpath", "-ldflags", flags, "-o", BIN / "pulumi", f"{_CLI}/cmd/pulumi"], env, cli)
    quiet([go, "build", "-trimpath", "-ldflags", "-s -w", "-o", BIN / "pulumi-language-python", _HOST], env, host)
    sdk = Path(quiet([go, "list", "-m", "-f", "{{.Dir}}", _SDK], env, cli).strip())
    for script in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
        _install((sdk / script).read_bytes(), BIN / Path(script).name)


def _install(content: bytes, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    part.chmod(0o755)
    part.replace(target)


def _go_needed() -> str:
    found = re.search(r"(?m)^go (\S+)", (ROOT / "tools" / "pulumi" / "go.mod").read_text())
    return found.group(1) if found else ""
