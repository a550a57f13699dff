"""Every leaf script that a plan names is there, takes what the plan sends, and no script lies about unused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from components.steps import Action, ScheduledTask, Script, Sql, SqlTransaction, load_script
from tests.components.contract import World
from tests.components.worlds import CASES

ROOT = Path(__file__).parents[2]
SCRIPT = re.compile(r"^(?!_)[\w/]+\.(?:ps1|sql)$")
"""A script's path. What begins with an underscore is the end of one that a plan puts together."""


def named_in(folder: str) -> Iterator[str]:
    """Every text of the Python sources that is a script's path."""
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SCRIPT.match(node.value):
                yield node.value


def sent() -> Iterator[tuple[str, Action]]:
    """Every action of the cases' runs: create from nothing, then delete."""
    for case in CASES:
        world = World(case, case.absent)
        outs = world.provider().create(case.inputs).outs or {}
        world.provider().delete("id", {**outs, "ownership": {**outs["ownership"], "adopted": False}})
        for step in world.ran:
            yield case.name, step.action


def test_every_path_is_a_file() -> None:
    named = set(named_in("components")) | set(named_in("operations"))
    assert len(named) > 50
    assert [path for path in sorted(named) if not load_script(path).strip()] == []


def test_every_file_is_used() -> None:
    named = set(named_in("components")) | set(named_in("operations"))
    files = {
        str(file.relative_to(ROOT / "components"))
        for pattern in ("*.ps1", "*.sql")
        for file in (ROOT / "components").rglob(pattern)
    }
    assert files - named == set()
    assert {file.name for file in (ROOT / "remote").glob("*.ps1")} - set(named_in("remote")) == set()


def parameters(text: str) -> set[str]:
    found = re.search(r"^param\((.*?)\)", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\$(\w+)", found.group(1))) if found else set()


def test_scripts_take_just_what_the_plans_send() -> None:
    seen = 0
    for name, action in sent():
        match action:
            case Script(_, path, arguments):
                assert set(arguments) == parameters(load_script(path)), f"{name}: {path}"
                seen += 1
            case ScheduledTask(_, _, path, arguments):
                assert {*arguments, "ProgressFile"} == parameters(load_script(path)), f"{name}: {path}"
                assert "***" not in repr(dict(arguments)), f"{name}: a task's arguments are kept in a file"
                seen += 1
            case Sql(_, path, values):
                assert load_script(path).count("?") == len(values), f"{name}: {path}"
                seen += 1
            case SqlTransaction(_, parts):
                for path, values in parts:
                    assert load_script(path).count("?") == len(values), f"{name}: {path}"
                    seen += 1
    assert seen > 40


def imported(folder: str) -> set[str]:
    """The packages that the sources of a folder import."""
    names: set[str] = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
    return names


def test_the_program_and_the_lab_never_import_each_other() -> None:
    program = {"components", "remote", "operations"}
    assert program & imported("lab") == set()
    assert {folder for folder in program if "lab" in imported(folder)} == set()
    assert "components" not in imported("remote"), "how a machine is reached knows nothing of the farm"


OURS = {name.name for name in ROOT.iterdir() if name.suffix == ".py" or any(name.glob("**/*.py"))} - {".venv", ".tools"}


def modules(file: Path) -> set[str]:
    """Every module that a file may import, ``lab.testing`` for ``from lab import testing``, and every text that a
    patch or ``importlib`` gets for one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                found |= {f"{module}.{alias.name}" for alias in names} if module == "lab" else {module}
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.Call(func=ast.Attribute(attr="setattr" | "setitem" | "patch" | "import_module"), args=arguments):
                texts = [one.value for one in arguments if isinstance(one, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and re.fullmatch(r"\w+(\.\w+)+", text)}
    return found


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py") if (ROOT / folder).is_dir() else [ROOT / folder]


def test_nothing_outside_the_lab_knows_more_of_it_than_its_public_api() -> None:
    outside = sorted(
        str(file.relative_to(ROOT))
        for file in sources(*OURS - {"lab"})
        for module in modules(file)
        if module.split(".")[0] == "lab" and module.split(".")[:2] != ["lab", "testing"]
    )
    assert outside == []


def test_the_lab_and_its_tests_import_nothing_of_this_repository_but_the_lab() -> None:
    names = {name.removesuffix(".py") for name in OURS - {"lab"}}
    beyond = sorted(
        f"{file.relative_to(ROOT)}: {module}"
        for file in sources("lab")
        for module in modules(file)
        if module.split(".")[0] in names
    )
    assert beyond == []
    tests = {ROOT / "lab" / "tests", ROOT / "lab" / "client_tests"}
    lab = [file for file in sources("lab") if tests.isdisjoint(file.parents)]
    assert len(lab) > 200
    assert [file for file in lab if any(m.startswith("lab.tests") for m in modules(file))] == []
    at_work = [file for file in lab if ROOT / "lab" / "testing" not in file.parents]
    assert [file for file in at_work if any(m.startswith("lab.testing") for m in modules(file))] == []


def leaf_scripts() -> dict[str, str]:
    """Every script with its text, and the prelude."""
    files = [file for folder in ("components", "remote") for file in (ROOT / folder).rglob("*.ps1")]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}


def test_a_connection_with_a_password_is_encrypted() -> None:
    """So the server has to show a trusted certificate before the password leaves the machine."""
    scripts = leaf_scripts()
    password = re.compile(r"^ *\$(\w+)\['Password'\]", re.MULTILINE)
    builders = [(name, variable, text) for name, text in scripts.items() for variable in password.findall(text)]
    assert builders
    assert [name for name, variable, text in builders if f"${variable}['Encrypt'] = $true" not in text] == []


def test_no_script_leaves_a_certificate_unverified_by_itself() -> None:
    """The caller says which of the two servers is the machine itself."""
    scripts = leaf_scripts()
    loose = re.compile(r"DisableCertificateValidation(?!(:\(| = )-not \$Api\.Verify(Api|Authentication))")
    assert [name for name, text in scripts.items() if loose.search(text)] == []
    assert sum(text.count("DisableCertificateValidation") for text in scripts.values()) == 2
    assert [name for name, text in scripts.items() if "TrustServerCertificate" in text] == []


def test_where_this_program_keeps_things_is_spelled_out_once() -> None:
    """In the preludes. The health task runs its script outside of any shell of this program, without a prelude."""
    spelled = {name: text.count("WindowsAzurePackHA") for name, text in leaf_scripts().items()}
    assert {name: times for name, times in spelled.items() if times} == {
        "components/nlb/node_health.ps1": 1,
        "components/windows/prelude.ps1": 1,
        "remote/prelude.ps1": 1,
    }
