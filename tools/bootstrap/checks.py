"""What ``make test`` runs: style, types and every test, the ones with the real CLI included."""

from __future__ import annotations

from tools.bootstrap.project import PYTHON, ROOT, environment
from tools.bootstrap.stage import run, stage

_SOURCES = ("components", "remote", "operations", "lab", "tools", "tests", "__main__.py")


def test() -> None:
    """Run every check, the quick ones first. Raises StageError at the first one that fails."""
    env = environment()
    with stage("Style: ruff"):
        run([PYTHON, "-m", "ruff", "check"], env)
        run([PYTHON, "-m", "ruff", "format", "--check"], env)
    with stage("Types: mypy"):
        run([PYTHON, "-m", "mypy", *(name for name in _SOURCES if _has_python(name))], env)
        if _has_python("policy"):
            # a run of its own: it has a __main__.py too, and one run takes one module of that name
            run([PYTHON, "-m", "mypy", "policy"], env)
    with stage("Tests: pytest"):
        run([PYTHON, "-m", "pytest"], env)


def _has_python(name: str) -> bool:
    path = ROOT / name
    return path.is_file() or any(path.rglob("*.py"))
