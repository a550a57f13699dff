"""The plugin process of this project's resources: Pulumi's own, but configured by what the stack's configuration says
now, and not by what the state remembers."""
