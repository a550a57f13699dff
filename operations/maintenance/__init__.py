"""``python -m operations maintenance``: one server at a time out of the farm and back, without a failed request."""
