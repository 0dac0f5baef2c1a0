"""A plug-in loaded before any other: takes out of the environment what would move a picture or reach a real account.

The snapshot plug-in imports Textual before conftest.py runs, and Textual reads these when it is imported.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile

_PREFIXES = ("TEXTUAL", "CFTUI_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "SSH_")
for name in [name for name in os.environ if not name.startswith("TEXTUAL_SNAPSHOT_")]:
    if name.startswith(_PREFIXES) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"
os.environ["TERM"] = "xterm-256color"
os.environ["TZ"] = "UTC"

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # Hundreds of processes would compile everything, each for itself; beside the sources is not where they may write.
    folder = tempfile.mkdtemp(prefix="cftui-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = folder


def pytest_collection_finish() -> None:
    """Thousands of tests are held to the end: the collector need not look at them again and again."""
    gc.collect()
    gc.freeze()
