#!/bin/sh
# Installed as .tools/bin/pulumi-resource-command: the CLI starts it in place of pulumi-command's plugin.
# -P: the folder of the file is no place to import from.
project=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
exec "$project/.venv/bin/python" -P -u "$project/lab/command_plugin.py" "$@"
