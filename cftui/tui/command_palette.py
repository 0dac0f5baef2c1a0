"""Textual's palette: the commands of the line, and nothing else."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from cftui.tui.command_line import CommandGiven, CommandLine
from cftui.tui.commands import COMMANDS, CommandSpec


class CockpitCommands(Provider):
    """The same commands in Textual's palette; one that needs a word opens the line with itself on it."""

    async def discover(self) -> Hits:
        """All of them."""
        for command in COMMANDS:
            yield DiscoveryHit(command.name, partial(self._take, command), help=command.words)

    async def search(self, query: str) -> Hits:
        """Those whose name or words match."""
        matcher = self.matcher(query)
        for command in COMMANDS:
            score = max(matcher.match(command.name), 0.5 * matcher.match(command.words))
            if score > 0:
                yield Hit(score, matcher.highlight(command.name), partial(self._take, command), help=command.words)

    async def _take(self, command: CommandSpec) -> None:
        if command.kind in ("vm", "filter", "sel", "save", "sort", "theme"):
            await self.screen.mount(CommandLine(f"{command.name} "))
        else:
            self.screen.post_message(CommandGiven(command.name))
