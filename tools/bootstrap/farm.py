"""The farm on the lab: up and down, with the real Pulumi CLI and a state inside the project."""

from __future__ import annotations

import json

from lab.testing.process import runs
from tools.bootstrap.design import Design
from tools.bootstrap.project import PYTHON, ROOT, STATE, lab_environment
from tools.bootstrap.stage import quiet, run, say, stage


def up(name: str) -> None:
    """Start the lab for a design and bring the farm up on it; print the stack's outputs."""
    design = Design.named(name)
    env = lab_environment()
    _start_lab(design)
    _configure_load_balancer(design)
    with stage(f"Pulumi: stack {design.stack}"):
        _select(design.stack)
        quietly = ["--suppress-outputs", "--suppress-progress", "--suppress-permalink=true"]
        command = ["pulumi", "up", "--stack", design.stack, "--policy-pack", "policy", "--yes", "--skip-preview"]
        run([*command, "--non-interactive", *quietly], env)
    say(outputs(quiet(["pulumi", "stack", "output", "--stack", design.stack, "--json", "--non-interactive"], env)))


def down(name: str) -> None:
    """Destroy what the stack has, then stop the lab. The lab is started first when it is needed for that."""
    design = Design.named(name)
    if _resources(design.stack):
        _start_lab(design)
        with stage(f"Pulumi: destroy stack {design.stack}"):
            destroy = ["pulumi", "destroy", "--stack", design.stack, "--yes", "--skip-preview", "--non-interactive"]
            run(destroy, lab_environment())
    with stage("Lab: stop"):
        _stop_lab(design)


def _start_lab(design: Design) -> None:
    """Start the lab of a design. The addresses of all designs overlap, so the lab of another one is stopped first."""
    for other in Design.others(design):
        if runs(ROOT / other.lab):
            with stage(f"Lab: stop the one of design {other.name}, whose addresses this one needs; its state stays"):
                _stop_lab(other)
    with stage(f"Lab: the machines of {design.topology}"):
        where = ["--topology", design.topology, "--directory", design.lab]
        run([PYTHON, "-m", "lab", "up", *where], lab_environment())


def _configure_load_balancer(design: Design) -> None:
    """What the owner of a load balancer does with the instructions that the program prints for it."""
    question = ["-m", "operations", "load-balancer", "--topology", design.topology, "--json"]
    printed = quiet([PYTHON, *question], lab_environment())
    if not json.loads(printed):
        return
    file = ROOT / design.lab / "load-balancer.json"
    file.write_text(printed, encoding="utf-8")
    with stage("Lab: the external load balancer, as `operations load-balancer` says"):
        run([PYTHON, "-m", "lab", "balancer", str(file), "--directory", design.lab], lab_environment())


def _stop_lab(design: Design) -> None:
    run([PYTHON, "-m", "lab", "down", "--directory", design.lab], lab_environment())


def outputs(printed: str) -> str:
    """A stack's outputs (as ``--json`` prints them, secrets masked) for people; long texts are only named."""
    lines = ["", "Outputs:"]
    for name, value in json.loads(printed).items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        if isinstance(value, str) and "\n" in value:
            text = f"(several lines: pulumi stack output {name})"
        lines.append(f"  {name}: {text}".replace("\n", "\n  "))
    return "\n".join(lines)


def _select(stack: str) -> None:
    STATE.mkdir(exist_ok=True)
    quiet(["pulumi", "stack", "select", "--create", stack, "--non-interactive"], lab_environment())


def _resources(stack: str) -> bool:
    """Whether the stack has something to destroy, what was interrupted included."""
    if not STATE.exists():
        return False
    known = json.loads(quiet(["pulumi", "stack", "ls", "--json", "--non-interactive"], lab_environment()))
    if stack not in [entry["name"] for entry in known]:
        return False
    export = json.loads(quiet(["pulumi", "stack", "export", "--stack", stack], lab_environment()))
    deployment = export["deployment"] or {}
    return bool(deployment.get("resources") or deployment.get("pending_operations"))
