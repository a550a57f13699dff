"""The checks of ``verify``, one module a level of the farm."""
