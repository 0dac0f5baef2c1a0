"""An input of one line whose place does not depend on what is in it."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class LineInput(Input):
    """As Textual's, but a letter does not lay the whole screen out anew: that costs ten times what drawing it does."""

    virtual_size: ClassVar[Reactive[Size]] = Reactive(Size(0, 0), layout=False)  # type: ignore[misc]
