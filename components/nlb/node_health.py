"""Guarantees that a node takes clients only while its own sites answer: a scheduled task on it sees to that.

NLB sends clients to a node as soon as it has started, and asks no site. So load balancing does not start with the
machine (the node's own resource keeps it so), and the task starts it: at start-up and then each minute it asks the
node's sites, and starts the node once all answer. It takes the node out, and back in, while its sites fail and another
node's answer. It leaves the node alone while `up` or a maintenance is at work, and where an operator has stopped it
(docs/decisions/node-health.md). Delete removes the task with its folder and leaves the node as it is.

The task runs as SYSTEM, so no password is kept for it: it changes nothing but its own machine. Its script lies in a
folder that only administrators may change.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from components.resource import FarmResource, InputPart, Inputs, ReplaceOn, Resource
from components.steps import Script, Step, load_script
from remote import detached
from remote.names import folded
from remote.session import Remote

TASK = "Windows Azure Pack HA node health"
DESCRIPTION = "Windows Azure Pack HA: starts and stops load balancing by the state of this node's sites."
SCRIPT = "nlb/node_health.ps1"
DECLARED = "as declared"
MISSING = "missing"
BEGINS = datetime(2026, 1, 1)  # noqa: DTZ001 - the machine's own time: only the seconds count
REPEATED_DAYS = 9999
"""Windows Server 2012 takes no repetition without a duration, and later versions refuse [TimeSpan]::MaxValue."""
_INHERITED = re.compile(r"O:(BA|SY)G:[^:]*D:(AI|P|PAI)?(\(A;(OI|CI|IO|ID)*;FA;;;(SY|BA)\))+")
"""Owner and rights of the task's own folder, which inherits from that of all tasks of this program."""
_SECOND = re.compile(r":(\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$")


def digest(text: str) -> str:
    """What stands for a script's text in Pulumi's state."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class OtherNode(InputPart):
    machine: str
    """Another node of the cluster."""
    address: str
    """Its own address, at which its sites are asked."""


class NodeHealthInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The node, by its name in the topology."""
    tier: Annotated[str, ReplaceOn()]
    """The tier that the cluster is in front of, by the first of its roles."""
    interface: str
    """The network card that is bound to the cluster."""
    address: str
    """The node's own IPv4 address, at which its sites are tried."""
    ports: tuple[int, ...]
    """The ports of its sites: every one has to answer, with less than HTTP 500."""
    others: tuple[OtherNode, ...] = ()
    """The cluster's other nodes."""
    interval_seconds: int = 60
    """How often the sites are asked. The Task Scheduler repeats nothing more often than each minute."""
    offset_seconds: int = 0
    """When within the interval: the nodes of a cluster ask one after the other, so that two never decide at once."""
    failures: int = 3
    """How many times in a row a site may fail before the node takes no more clients."""
    answer_seconds: int = 10
    """How long a site may take to answer."""
    drain_minutes: int = 1
    """How long the connections of a node that is taken out may take to end."""
    script: str = digest(load_script(SCRIPT))
    """The task's script, by a digest of its text."""
    settings: str = DECLARED
    """What the script works with; a drifted state names what differs."""
    task: str = DECLARED
    """The scheduled task; a drifted state says how it differs."""
    folder: str = DECLARED
    """Who may change what the task runs; a drifted state says who else may."""


@dataclass(frozen=True)
class Trigger:
    kind: str
    """Its class in WMI: ``MSFT_TaskBootTrigger``."""
    enabled: bool
    """False: Windows ignores the trigger, even where the task is enabled."""
    begins: str = ""
    """``StartBoundary`` as Windows shows it, local time in ISO 8601."""
    interval: str = ""
    """ISO 8601 duration."""


@dataclass(frozen=True)
class Task:
    """A scheduled task as Windows shows it."""

    enabled: bool
    """Its ``State`` is not Disabled."""
    user: str
    """Whom it runs as, as Task Scheduler shows it."""
    level: str
    """Its ``RunLevel``."""
    actions: tuple[str, ...]
    """The command line of each action."""
    triggers: tuple[Trigger, ...]
    """In the order of Get-ScheduledTask."""


@dataclass(frozen=True)
class NodeHealthFacts:
    task: Task | None = None
    """None: the machine has no task of this name."""
    script: str = ""
    """The text of the script that lies there; empty where none does."""
    settings: str = ""
    """What the script works with, as JSON."""
    rights: str = ""
    """Owner and rights of the folder of all tasks of this program, as SDDL; empty where there is none."""
    attributes: str = ""
    """File attributes of the folder of all tasks, ``Directory``; a link has ``ReparsePoint``. Empty: no folder."""
    own: str = ""
    """Owner and rights of the folder of this task."""
    data: str = r"C:\ProgramData"
    """%ProgramData% of the machine."""


def settings(inputs: NodeHealthInputs) -> dict[str, Any]:
    """What the script reads from its file."""
    names = ("interface", "address", "ports", "others", "failures", "answer_seconds", "drain_minutes")
    return inputs.model_dump(mode="json", include=set(names))


def begins(inputs: NodeHealthInputs) -> datetime:
    """From when on the task is repeated."""
    return BEGINS + timedelta(seconds=inputs.offset_seconds)


def duration(seconds: int) -> str:
    """As the Task Scheduler shows a time span: PT1M."""
    hours, minutes, left = seconds // 3600, seconds // 60 % 60, seconds % 60
    return "PT" + "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if number)


class NodeHealthResource(Resource[NodeHealthInputs, NodeHealthFacts]):
    def display_name(self, inputs: NodeHealthInputs) -> str:
        return f"the health task of {inputs.machine}"

    def resource_id(self, inputs: NodeHealthInputs) -> str:
        return f"{inputs.machine}/node-health/{inputs.tier}".lower()

    def observe(self, inputs: NodeHealthInputs, remote: Remote) -> NodeHealthFacts:
        state = remote.powershell(inputs.machine).run(
            load_script("nlb/read_health.ps1"), {"Task": TASK}, attempted=f"read {self.display_name(inputs)}"
        )[0]
        task = None
        if state["there"]:
            triggers = tuple(Trigger(**trigger) for trigger in state["triggers"])
            task = Task(state["enabled"], state["user"], state["level"], tuple(state["actions"]), triggers)
        texts = {name: state[name] for name in ("script", "settings", "rights", "attributes", "own", "data")}
        return NodeHealthFacts(task, **texts)

    def plan(self, inputs: NodeHealthInputs, facts: NodeHealthFacts) -> list[Step]:
        machine = inputs.machine
        attempted = f"bring about {self.display_name(inputs)}"
        detached.refuse_untrusted(machine, attempted, facts.rights, facts.attributes)
        steps = []
        if self._files(inputs, facts) != (digest(load_script(SCRIPT)), DECLARED, DECLARED):
            arguments: dict[str, Any] = {
                "Task": TASK,
                "Script": load_script(SCRIPT),
                "Settings": json.dumps(settings(inputs), indent=2),
                "Sddl": detached.RIGHTS,
                "Trusted": detached.TRUSTED,
            }
            what = f"On {machine}, write the script of the health task and what it works with."
            steps.append(Step(what, Script(machine, "nlb/write_health.ps1", arguments)))
        if self._task(inputs, facts) != DECLARED:
            arguments = {
                "Task": TASK,
                "Description": DESCRIPTION,
                "Begins": begins(inputs).isoformat(),
                "IntervalSeconds": inputs.interval_seconds,
                "DurationDays": REPEATED_DAYS,
                "LimitMinutes": 5 + inputs.drain_minutes,
            }
            what = f"On {machine}, register the health task, at start-up and each {inputs.interval_seconds} s."
            steps.append(Step(what, Script(machine, "nlb/register_health.ps1", arguments)))
        return steps

    def plan_delete(self, inputs: NodeHealthInputs, facts: NodeHealthFacts, baseline: dict[str, Any]) -> list[Step]:
        if self.actual(inputs, facts) is None:
            return []
        action = Script(inputs.machine, "nlb/remove_health.ps1", {"Task": TASK})
        return [Step(f"On {inputs.machine}, remove the health task with its folder.", action)]

    def actual(self, inputs: NodeHealthInputs, facts: NodeHealthFacts) -> dict[str, Any] | None:
        if facts.task is None and not facts.own:
            return None
        script, found, folder = self._files(inputs, facts)
        return {"script": script, "settings": found, "folder": folder, "task": self._task(inputs, facts)}

    def preexisting(self, inputs: NodeHealthInputs, facts: NodeHealthFacts) -> bool:
        """Nobody else registers a task of this name."""
        return False

    @staticmethod
    def _files(inputs: NodeHealthInputs, facts: NodeHealthFacts) -> tuple[str, str, str]:
        """The script by its digest, what differs in its settings, and who may change both."""
        script = digest(facts.script) if facts.script else MISSING
        folder = DECLARED if _INHERITED.fullmatch(facts.own) else facts.own or MISSING
        return script, _difference(settings(inputs), facts.settings), folder

    @staticmethod
    def _task(inputs: NodeHealthInputs, facts: NodeHealthFacts) -> str:
        """How the task differs from the declared one."""
        task = facts.task
        if task is None:
            return MISSING
        boots = [one for one in task.triggers if one.kind == "MSFT_TaskBootTrigger"]
        again = [one for one in task.triggers if one.kind == "MSFT_TaskTimeTrigger"]
        second = _SECOND.search(again[0].begins) if again else None
        wrong = [
            "" if task.enabled else "disabled",
            "" if folded(task.user) == "system" else f"runs as {task.user}",
            "" if folded(task.level) == "highest" else "without the highest privileges",
            ""
            if [*map(folded, task.actions)] == [folded(command(facts.data))]
            else f"runs {' and '.join(task.actions)}",
            "" if len(boots) == 1 and boots[0].enabled else "not at start-up",
            "" if len(again) == 1 and again[0].enabled else "not again and again",
            "" if len(task.triggers) <= 2 else f"{len(task.triggers)} triggers",
        ]
        if again and (again[0].interval, second and int(second[1])) != (
            duration(inputs.interval_seconds),
            begins(inputs).second,
        ):
            wrong.append(f"repeated each {again[0].interval or 'never'} from {again[0].begins} on")
        return "; ".join(filter(None, wrong)) or DECLARED


def command(data: str) -> str:
    """What the task runs, as ``register_health.ps1`` gives it. ``data`` is %ProgramData%."""
    folder = rf"{data}\WindowsAzurePackHA\{TASK}"
    options = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass"
    return rf'powershell.exe {options} -File "{folder}\node_health.ps1" "{folder}"'


def _difference(wanted: dict[str, Any], text: str) -> str:
    """Which of the settings differ, by name."""
    if not text:
        return MISSING
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return "not what this program writes"
    differing = [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]
    return f"altered: {', '.join(differing)}" if differing else DECLARED


class NodeHealth(FarmResource[NodeHealthInputs], module="nlb", name="NodeHealth"):
    """The scheduled task by which a node takes clients only while its own sites answer."""

    implementation = NodeHealthResource
