"""`python -m cftui`: the same program under the same name."""

import sys

from cftui.search_path import leave_out_the_working_folder

leave_out_the_working_folder(is_module=True)

from cftui.cli.main import main  # noqa: E402 - not before the path is in order

if __name__ == "__main__":
    sys.exit(main())
