"""The policy pack: the rules of ``rules.py`` for ``pulumi up --policy-pack policy``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # Pulumi runs this folder, not the project

from policy.rules import RULES, Declared, Rule, Stack  # noqa: E402 - found by the line above


def hosts(args: StackValidationArgs) -> dict[str, Any]:
    """The configuration's ``hosts``, in which nothing is secret: the engine gives a policy pack no configuration."""
    stacks = {one.urn.split("::")[0].removeprefix("urn:pulumi:") for one in args.resources}
    files = [PROJECT / f"Pulumi.{stack}.yaml" for stack in stacks]
    found = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
    return found[0].get("config", {}).get("windows-azure-pack-ha:hosts") or {} if found else {}


def stack(args: StackValidationArgs) -> Stack:
    """What the rules look at: the resources that Pulumi would have after the update, and the stack's configuration."""
    return Stack(
        resources=tuple(
            Declared(one.resource_type, one.name, one.urn, one.props, one.parent.urn if one.parent else "")
            for one in args.resources
        ),
        hosts=hosts(args),
        passphrase=os.environ.get("PULUMI_CONFIG_PASSPHRASE", ""),
    )


def policy(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in rule.violations(stack(args)):
            report(violation.sentence, violation.urn or None)

    level = EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY
    return StackValidationPolicy(rule.name, rule.description, validate, level)


PolicyPack("windows-azure-pack-ha", policies=[policy(rule) for rule in RULES])
