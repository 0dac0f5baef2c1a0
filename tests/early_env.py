"""A plug-in loaded before any other: takes out of the environment what would move a picture or reach a real account.

The snapshot plug-in imports Textual before conftest.py runs, and Textual reads these when it is imported.
"""

import os

for name in list(os.environ):
    if name.startswith(("TEXTUAL", "CFTUI_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "SSH_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"
os.environ["TERM"] = "xterm-256color"
os.environ["TZ"] = "UTC"
