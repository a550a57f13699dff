"""What a resource file needs: the contract, the markers of its inputs, and the class that a component writes."""

from components.resource.contract import (
    Adoptable,
    Kind,
    Overtaken,
    PlansByChange,
    Probe,
    Recovers,
    RefusesEarly,
    ReportsChange,
    Resource,
    ValidatesChange,
    WithBaseline,
    WithOrphan,
    WritesSecrets,
)
from components.resource.fields import InputPart, Inputs, Items, Keyed, ReplaceOn, ThroughFarm, WriteOnly
from components.resource.pulumi_adapter import MASKED_DIFFERENCE, FarmResource, later, later_secret

__all__ = [
    "MASKED_DIFFERENCE",
    "Adoptable",
    "FarmResource",
    "InputPart",
    "Inputs",
    "Items",
    "Keyed",
    "Kind",
    "Overtaken",
    "PlansByChange",
    "Probe",
    "Recovers",
    "RefusesEarly",
    "ReplaceOn",
    "ReportsChange",
    "Resource",
    "ThroughFarm",
    "ValidatesChange",
    "WithBaseline",
    "WithOrphan",
    "WriteOnly",
    "WritesSecrets",
    "later",
    "later_secret",
]
