"""What the operator does around ``pulumi up``: ``python -m operations verify``."""
