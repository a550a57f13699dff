"""The policy pack: the rules of ``rules.py`` for ``pulumi up --policy-pack policy``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

sys.path.insert(0, str(Path(__file__).parents[1]))  # Pulumi runs this folder, not the project

from policy.rules import RULES, Declared, Rule, Stack


def hosts(args: StackValidationArgs) -> dict[str, Any]:
    """The configuration's ``hosts``. A policy pack gets no configuration; the verification does."""
    given = [one.props.get("stdin") for one in args.resources if one.name == "verification"]
    return json.loads(given[0])["hosts"] if given and isinstance(given[0], str) else {}


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
