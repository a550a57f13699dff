"""``python -m operations drill``: each server is shut down once while clients ask, and what they noticed is kept."""
