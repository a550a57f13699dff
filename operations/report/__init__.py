"""``python -m operations report``: the farm's state in one HTML file that loads nothing from elsewhere."""
