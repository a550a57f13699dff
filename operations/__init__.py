"""What a person does around ``pulumi up``: ``python -m operations verify``."""
