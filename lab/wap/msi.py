"""msiexec.exe for the product's MSI files: ``/i file`` or ``/x {product code}``, ``[/q…] [/l… log] [PROPERTY=value]``.

Exit codes are Windows Installer's: 0, 1605 (no such product is installed), 1619 (package cannot be opened), 1620 (not
a package), 1625 (no rights), 1639 (bad command line), 3010 (restart needed). Unlike the real one, which is a window
program, it is always waited for.
"""

from __future__ import annotations

from lab.files import LabFileError, resolve
from lab.powershell.api import NotModelledError, ProgramResult, Session, program
from lab.wap import installer, local
from lab.wap.catalogue import COMPONENTS
from lab.wap.feed import component_of, read


def _file(options: list[str], position: int) -> str | None:
    return options[position + 1] if position + 1 < len(options) else None


@program("msiexec.exe")
def run(session: Session, arguments: list[str]) -> ProgramResult:
    """Install one package or remove one product. Repairing, updating and administrative images are not modelled."""
    package = product = log = None
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        option = argument[1:].lower() if argument[:1] in ("/", "-") else None
        if option in ("i", "package"):
            package, index = _file(arguments, index), index + 1
        elif option is not None and option.startswith("l"):
            log, index = _file(arguments, index), index + 1
        elif option in ("x", "uninstall"):
            product, index = _file(arguments, index), index + 1
        elif option in ("f", "update", "p", "a"):
            raise NotModelledError(f"msiexec /{option}")
        elif option is None and "=" not in argument:
            return ProgramResult(exit_code=1639)
        index += 1
    if product is not None:
        return _remove(session, product)
    if package is None:
        return ProgramResult(exit_code=1639)
    try:
        component = component_of(read(session, package))
    except LabFileError:
        return ProgramResult(exit_code=1619)
    if component is None:
        return ProgramResult(exit_code=1620)
    if not session.identity.administrator:
        return ProgramResult(exit_code=1625)
    lines: list[str] = []
    machine = session.machine
    first = not len(machine.collection("wap-component"))
    done = installer.install(machine, [] if local.installed(machine, component.name) else [component], lines.append)
    if log:
        try:
            file = resolve(machine.world, machine, log, session.identity.user, True)
        except LabFileError:
            return ProgramResult(exit_code=1622)
        file.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    if not done:
        return ProgramResult(exit_code=1602)
    return ProgramResult(exit_code=3010 if first and installer.model(machine)["restart_after_install"] else 0)


def _remove(session: Session, product: str) -> ProgramResult:
    """Remove a product by its code in braces."""
    machine = session.machine
    installed = machine.collection("wap-component")
    name = next((name for name, of in installed.items() if of["product_code"].lower() == product.lower()), None)
    if name is None:
        return ProgramResult(exit_code=1605)
    if not session.identity.administrator:
        return ProgramResult(exit_code=1625)
    machine.world.clock.sleep(COMPONENTS[name].install_seconds / 4)
    local.uninstall(machine, COMPONENTS[name])
    return ProgramResult()
