"""``python -m appliance`` is the command ``appliance``."""

from appliance.cli.main import run

run()
