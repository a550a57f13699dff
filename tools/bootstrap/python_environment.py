"""The virtual environment with the packages of requirements-dev.txt and what they bring along (constraints.txt)."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tools.bootstrap.project import PYTHON, ROOT, VENV
from tools.bootstrap.stage import StageError, quiet, run, stage

_STAMP = VENV / ".requirements"
_PACKAGES = ("components", "remote", "operations", "lab", "tools", "__main__.py")


def python_environment(requirements: Path = ROOT) -> None:
    """Guarantees ``.venv`` with exactly the pinned packages; skipped while the requirement files in that folder are
    unchanged."""
    wanted = _digest(requirements)
    if PYTHON.exists() and _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    with stage("Python environment .venv"):
        if not PYTHON.exists():
            try:
                quiet([sys.executable, "-m", "venv", VENV])
            except StageError as error:
                hint = "Debian has it in the package python3-venv: sudo apt-get install python3-venv"
                raise StageError(f"A virtual environment cannot be made. {hint}\n{error}") from None
        run(
            [
                PYTHON,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
                requirements / "requirements-dev.txt",
            ]
        )
        _STAMP.write_text(wanted)


def bytecode() -> None:
    """Compile the project's modules once. Every command of the CLI starts two or three Python processes, and the lab is
    one more: where PYTHONDONTWRITEBYTECODE is set (containers often do), each would compile all it imports again, a
    fifth of the processor time of a preview. A folder that cannot be written to is no failure: it is only slower."""
    command = [str(PYTHON), "-m", "compileall", "-qq", *_PACKAGES]
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - written here


def _digest(folder: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in ("constraints.txt", "requirements.txt", "requirements-dev.txt"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
