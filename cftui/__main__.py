"""`python -m cftui`: the same program under the same name."""

import os
import sys

# With -m the folder one stands in comes first on the path: a file called httpx.py there would be run as ours.
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()] != [_HOME]:
    del sys.path[0]

from cftui.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
