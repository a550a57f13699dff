"""The questions of ``audit``, one module a part of the farm."""
