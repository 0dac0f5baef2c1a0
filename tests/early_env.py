"""A plug-in loaded before any other: takes out of the environment what would move a picture or reach a real account.

The snapshot plug-in imports Textual before conftest.py runs, and Textual reads these when it is imported.
"""

import os

_PREFIXES = ("TEXTUAL", "CFTUI_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "SSH_")
for name in [name for name in os.environ if not name.startswith("TEXTUAL_SNAPSHOT_")]:
    if name.startswith(_PREFIXES) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"
os.environ["TERM"] = "xterm-256color"
os.environ["TZ"] = "UTC"
