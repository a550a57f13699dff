"""The farm as Pulumi components and resources. ``docs/architecture.md`` says how the parts belong together."""
