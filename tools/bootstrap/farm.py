"""The farm on the lab: up and down, with the real Pulumi CLI and a state inside the project."""

from __future__ import annotations

import json

from tools.bootstrap.project import PYTHON, ROOT, STATE, environment
from tools.bootstrap.stage import StageError, quiet, run, say, stage


def up(design: str) -> None:
    """Start the lab for a design and bring the farm up on it; print the stack's outputs."""
    stack, topology = _stack(design), _topology(design)
    env = environment()
    with stage(f"Lab: the machines of {topology}"):
        run([PYTHON, "-m", "lab", "up", "--topology", topology], env)
    with stage(f"Pulumi: stack {stack}"):
        _select(stack)
        quietly = ["--suppress-outputs", "--suppress-progress", "--suppress-permalink=true"]
        run(["pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", *quietly], env)
    say(outputs(quiet(["pulumi", "stack", "output", "--stack", stack, "--json", "--non-interactive"], env)))


def down(design: str) -> None:
    """Destroy what the stack has, then stop the lab. The lab is started first when it is needed for that."""
    stack, topology = _stack(design), _topology(design)
    env = environment()
    if _resources(stack):
        with stage(f"Pulumi: destroy stack {stack}"):
            run([PYTHON, "-m", "lab", "up", "--topology", topology], env)
            run(["pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"], env)
    with stage("Lab: stop"):
        run([PYTHON, "-m", "lab", "down"], env)


def outputs(printed: str) -> str:
    """A stack's outputs (as ``--json`` prints them, secrets masked) for people; long texts are only named."""
    lines = ["", "Outputs:"]
    for name, value in json.loads(printed).items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        if isinstance(value, str) and "\n" in value:
            text = f"(several lines: pulumi stack output {name})"
        lines.append(f"  {name}: {text}".replace("\n", "\n  "))
    return "\n".join(lines)


def _stack(design: str) -> str:
    """The stack of a design on the lab: ``dev`` for the first one, ``dev-<design>`` for every other."""
    stack = "dev" if design == "single-domain" else f"dev-{design}"
    if not (ROOT / f"Pulumi.{stack}.yaml").exists():
        raise StageError(f"There is no Pulumi.{stack}.yaml, so DESIGN={design} cannot come up on the lab. {_choices()}")
    return stack


def _topology(design: str) -> str:
    file = ROOT / "topologies" / f"{design}.yaml"
    if not file.exists():
        raise StageError(f"There is no topologies/{design}.yaml. {_choices()}")
    return str(file.relative_to(ROOT))


def _choices() -> str:
    return f"Choose one of {', '.join(sorted(file.stem for file in (ROOT / 'topologies').glob('*.yaml')))}."


def _select(stack: str) -> None:
    STATE.mkdir(exist_ok=True)
    quiet(["pulumi", "stack", "select", "--create", stack, "--non-interactive"], environment())


def _resources(stack: str) -> bool:
    """Whether the stack has something to destroy, what was interrupted included."""
    if not STATE.exists():
        return False
    known = json.loads(quiet(["pulumi", "stack", "ls", "--json", "--non-interactive"], environment()))
    if stack not in [entry["name"] for entry in known]:
        return False
    export = json.loads(quiet(["pulumi", "stack", "export", "--stack", stack], environment()))
    deployment = export["deployment"] or {}
    return bool(deployment.get("resources") or deployment.get("pending_operations"))
