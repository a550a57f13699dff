"""What a cmdlet, a .NET type or a program of the lab is written against.

The evaluator (``lab.powershell``) binds parameters by the table of Windows Server 2012 cmdlets and calls functions
registered here; the parts of the lab (``lab.windows``, ``lab.sql``, ``lab.wap``) register them by importing this
module only. An error raised here must be the one the real thing gives.

Values are plain Python: ``str``, ``bool``, ``None``, ``list`` (Object[]), ``int`` (Int32, or Int64 when it does not
fit), ``Int64``, ``float`` (Double), ``datetime``, ``PSObject``, ``HashTable``, ``SecureString``, ``EnumValue``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lab.world import Identity, Machine


class Int64(int):
    """A whole number whose .NET type is Int64 although it would fit an Int32."""


class SecureString:
    """A .NET SecureString: its text is reachable for the lab only, its ``str`` is the type's name as in PowerShell."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return "System.Security.SecureString"

    __repr__ = __str__


class PSObject:
    """An object with a .NET type name, properties (names without case, order kept) and methods.

    ``methods`` maps a name to a Python callable that gets the evaluated arguments.
    """

    def __init__(
        self,
        type_name: str = "System.Management.Automation.PSCustomObject",
        properties: dict[str, Any] | None = None,
        methods: dict[str, Callable[..., Any]] | None = None,
        text: str | None = None,
    ) -> None:
        self.type_name = type_name
        self.properties: dict[str, Any] = dict(properties or {})
        self.methods = {name.lower(): method for name, method in (methods or {}).items()}
        self.text = text
        """What ``"$object"`` gives; None means the general rule of PowerShell."""

    def name_of(self, name: str) -> str | None:
        """The property's name as written, or None."""
        wanted = name.lower()
        return next((key for key in self.properties if key.lower() == wanted), None)

    def get(self, name: str, default: Any = None) -> Any:
        key = self.name_of(name)
        return default if key is None else self.properties[key]

    def set(self, name: str, value: Any) -> None:
        self.properties[self.name_of(name) or name] = value


class HashTable(PSObject):
    """``@{}`` or ``[ordered]@{}``: keys are any value, text keys are found without case. ``items()`` keeps order."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]] = (), *, ordered: bool = False) -> None:
        super().__init__(
            "System.Collections.Specialized.OrderedDictionary" if ordered else "System.Collections.Hashtable"
        )
        self.ordered = ordered
        self._pairs: dict[Any, tuple[Any, Any]] = {}
        self.version = 0
        """Grows with each change, as .NET's does."""
        for key, value in pairs:
            self[key] = value

    @staticmethod
    def _fold(key: Any) -> Any:
        if isinstance(key, str):
            return key.lower()
        return (list, id(key)) if isinstance(key, list) else key  # an array is a key by itself, not by what it holds

    def __getitem__(self, key: Any) -> Any:
        found = self._pairs.get(self._fold(key))
        return found[1] if found else None

    def __setitem__(self, key: Any, value: Any) -> None:
        found = self._pairs.get(self._fold(key))
        self.version += 1
        self._pairs[self._fold(key)] = (found[0] if found else key, value)

    def __delitem__(self, key: Any) -> None:
        if self._pairs.pop(self._fold(key), None) is not None:
            self.version += 1

    def __contains__(self, key: Any) -> bool:
        return self._fold(key) in self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def keys(self) -> list[Any]:
        return [key for key, _ in self._pairs.values()]

    def items(self) -> list[tuple[Any, Any]]:
        return list(self._pairs.values())


class EnumType:
    """A .NET enumeration: its full name and its members with their numbers."""

    def __init__(self, name: str, members: dict[str, int], *, flags: bool = False) -> None:
        self.name, self.members, self.flags = name, members, flags

    def find(self, text: str) -> EnumValue | None:
        """By name (an unambiguous beginning is enough, as PowerShell allows), by number text or a comma list."""
        if self.flags and "," in text:
            found = [self.find(part.strip()) for part in text.split(",")]
            if any(one is None for one in found):
                return None
            return self.of(sum({one.number for one in found if one}))
        wanted = text.strip().lower()
        exact = [name for name in self.members if name.lower() == wanted]
        near = exact or [name for name in self.members if wanted and name.lower().startswith(wanted)]
        if len(near) == 1:
            return EnumValue(self, self.members[near[0]], near[0])
        if wanted.lstrip("-").isdigit():
            return self.of(int(wanted))
        return None

    def of(self, number: int) -> EnumValue:
        for name, value in self.members.items():
            if value == number:
                return EnumValue(self, number, name)
        if self.flags:
            names = [name for name, value in self.members.items() if value and value & number == value]
            if sum(self.members[name] for name in names) == number and names:
                return EnumValue(self, number, ", ".join(names))
        return EnumValue(self, number, str(number))


class EnumValue:
    """One member of an enumeration."""

    __slots__ = ("name", "number", "type")

    def __init__(self, kind: EnumType, number: int, name: str) -> None:
        self.type, self.number, self.name = kind, number, name

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnumValue) and (self.type, self.number) == (other.type, other.number)

    def __hash__(self) -> int:
        return hash(self.number)


class PowerShellError(Exception):
    """A terminating error: what ``catch`` sees. ``exception_type`` is the .NET exception's full name."""

    def __init__(
        self,
        message: str,
        error_id: str = "RuntimeException",
        *,
        category: str = "NotSpecified",
        exception_type: str = "System.Management.Automation.RuntimeException",
        target: Any = None,
        inner: PowerShellError | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.data = data or {}
        """Further properties of the .NET exception (``Number`` of a SqlException)."""
        self.message, self.error_id, self.category = message, error_id, category
        self.exception_type, self.target, self.inner = exception_type, target, inner


class NotModelledError(Exception):
    """The lab does not know this construct, cmdlet, parameter or type. Never caught by a script: the run ends."""


@dataclass(frozen=True)
class Session:
    """On which machine, as whom and through which kind of log-on a script runs.

    ``logon`` is ``network`` (WinRM: no second hop, no Windows Update API), ``batch`` (a scheduled task with a stored
    password), ``service`` (SYSTEM) or ``interactive``.
    """

    machine: Machine
    identity: Identity
    logon: str = "network"
    process: int = 0
    """Number of the powershell.exe process, for the lab's own count of starts."""


class Runtime(Protocol):
    """What a cmdlet may ask of the evaluator."""

    def invoke(self, block: Any, *arguments: Any, item: Any = None) -> list[Any]:
        """Run a script block with ``$_`` set to ``item`` and give what it wrote."""

    def text(self, value: Any) -> str:
        """The value as PowerShell's string conversion gives it."""

    def write_error(self, error: PowerShellError) -> None:
        """A non-terminating error, subject to -ErrorAction and $ErrorActionPreference."""

    def write_warning(self, message: str) -> None: ...


@dataclass
class Call:
    """One invocation of a cmdlet: bound parameters under their full names, switches as bool."""

    name: str
    parameters: dict[str, Any]
    input: list[Any]
    """What came through the pipeline (empty when nothing did)."""
    session: Session
    runtime: Runtime
    bound: frozenset[str] = frozenset()
    parameter_set: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def get(self, parameter: str, default: Any = None) -> Any:
        return self.parameters.get(parameter, default)

    @property
    def machine(self) -> Machine:
        return self.session.machine


Cmdlet = Callable[[Call], "Iterable[Any] | None"]
Program = Callable[["Session", list[str]], "ProgramResult"]


@dataclass(frozen=True)
class ProgramResult:
    """What a console program left: lines of standard output, of standard error, and ``$LASTEXITCODE``."""

    output: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(frozen=True)
class StreamingProgram:
    """A program whose standard output can be read while it works: ``run`` gets what takes each line. Called like any
    other program it collects the lines."""

    run: Callable[[Session, list[str], Callable[[str], None]], ProgramResult]

    def __call__(self, session: Session, arguments: list[str]) -> ProgramResult:
        lines: list[str] = []
        result = self.run(session, arguments, lines.append)
        return replace(result, output=(*lines, *result.output))


CMDLETS: dict[str, Cmdlet] = {}
PROGRAMS: dict[str, Program] = {}
TYPES: dict[str, type[DotNet]] = {}
DRIVES: dict[str, Drive] = {}
AVAILABLE: list[Callable[[Session, str], bool]] = []
"""Asked before a cmdlet of the table runs or is listed, with its full name: False from any of them means that its
module is not installed on this machine, and the command is not found."""
ENVIRONMENT: list[Callable[[Session], dict[str, str]]] = []
"""What ``$env:`` holds on a machine, in the order of registration."""


def cmdlet(name: str) -> Callable[[Cmdlet], Cmdlet]:
    """Register the function behind a cmdlet. Its parameters are those of the table, nothing is declared twice."""

    def register(function: Cmdlet) -> Cmdlet:
        CMDLETS[name.lower()] = function
        return function

    return register


def program(name: str) -> Callable[[Program], Program]:
    """Register a console program by its file name (``netsh.exe``); it is found on the path or by any full path that
    exists on the machine's disk (collection ``file``) when ``name`` says so."""

    def register(function: Program) -> Program:
        PROGRAMS[name.lower()] = function
        return function

    return register


class DotNet:
    """Base of .NET types the lab knows beyond the evaluator's own. Subclass it, and decorate with ``dotnet``.

    ``create`` serves ``New-Object`` and a cast (``[ADSI]'WinNT://…'``); static members are class attributes or
    callables in ``statics``, and properties that depend on the session in ``computed``. An instance is a PSObject with
    methods.
    """

    statics: dict[str, Any] = {}  # noqa: RUF012 - overridden as a constant table by each subclass
    computed: dict[str, Callable[[Session], Any]] = {}  # noqa: RUF012 - as ``statics``

    @classmethod
    def create(cls, session: Session, *arguments: Any) -> Any:
        raise NotModelledError(f"a constructor of {cls.__name__}")


def dotnet(*names: str) -> Callable[[type[DotNet]], type[DotNet]]:
    """Register a type under its full name and its accelerators (``adsi``)."""

    def register(known: type[DotNet]) -> type[DotNet]:
        for name in names:
            TYPES[name.lower()] = known
        return known

    return register


class Drive:
    """A PowerShell drive (``HKLM``, ``Cert``, ``IIS``, file system): what the item cmdlets reach through a path.

    ``path`` comes without the drive's name, with backslashes, without a leading one. A missing item is None, an item is
    a PSObject. Methods that the real provider does not implement are left as they are here.
    """

    def item(self, session: Session, path: str) -> PSObject | None:
        raise NotModelledError("reading an item of this drive")

    def children(self, session: Session, path: str) -> Iterator[PSObject]:
        raise NotModelledError("listing this drive")

    def properties(self, session: Session, path: str) -> PSObject | None:
        raise NotModelledError("item properties of this drive")

    def read_text(self, session: Session, path: str) -> str:
        raise NotModelledError("reading content of this drive")

    def write_text(self, session: Session, path: str, text: str, encoding: str | None = None) -> None:
        """Replace the whole content. ``encoding`` is what -Encoding says; None is the cmdlet's default (ANSI)."""
        raise NotModelledError("writing content of this drive")

    def set_property(self, session: Session, path: str, name: str, value: Any, kind: str | None) -> None:
        raise NotModelledError("setting item properties of this drive")

    def remove_property(self, session: Session, path: str, name: str) -> None:
        raise NotModelledError("removing item properties of this drive")

    def new(self, session: Session, path: str, **options: Any) -> PSObject:
        raise NotModelledError("making items of this drive")

    def remove(self, session: Session, path: str, *, recurse: bool) -> None:
        raise NotModelledError("removing items of this drive")

    def remove_with_key(self, session: Session, path: str) -> None:
        """Remove-Item -DeleteKey, a parameter that only the certificate provider has."""
        raise PowerShellError(
            "A parameter cannot be found that matches parameter name 'DeleteKey'.",
            "NamedParameterNotFound,Microsoft.PowerShell.Commands.RemoveItemCommand",
            category="InvalidArgument",
            exception_type="System.Management.Automation.ParameterBindingException",
        )


def drive(name: str) -> Callable[[type[Drive]], type[Drive]]:
    """Register the one instance of a drive class under the drive's name."""

    def register(kind: type[Drive]) -> type[Drive]:
        DRIVES[name.lower()] = kind()
        return kind

    return register
