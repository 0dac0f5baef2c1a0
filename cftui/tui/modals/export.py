"""In which form something is saved as a file."""

from __future__ import annotations

from cftui.tui.modals.menu import Item, Menu
from cftui.tui.run_export import FORMATS

_WORDS = {"md": "to read, and for a ticket", "csv": "for a spreadsheet", "json": "for programs; the same as the CLI's"}


class ExportMenu(Menu[str]):
    """Choose a form; answers with the end of the file's name.

    Args:
        name: The file's name without its end.
    """

    def __init__(self, name: str) -> None:
        super().__init__([Item(end[0], FORMATS[end], _WORDS[end], end) for end in FORMATS])
        self._name = name

    def heading(self) -> str:
        """What is saved."""
        return f"Save {self._name} as"
