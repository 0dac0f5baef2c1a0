"""The arguments as a typed object, and the parser that fills it; loads little, so that `--help` is quick."""

from __future__ import annotations

import argparse
import math
import re
import sys

from cftui import __version__
from cftui.cli.exit_codes import HELP, TYPE_CHECKING, ExitCode

if TYPE_CHECKING:
    from typing import Any, NoReturn

SIMPLE_VERBS = {
    "reboot": "ask the system of each VM to reboot",
    "power-cycle": "cut the power and give it back: a hard reset",
    "shutdown": "ask the system of each VM to shut down",
    "power-off": "cut the power; only when a shutdown did not work",
    "power-on": "start each VM",
    "password-reset": "reset the password of each VM",
}
"""The six actions without arguments of their own, and what they do in the API document's words."""

_LISTS = frozenset([*SIMPLE_VERBS, "off", "resize", "snapshot", "actions", "watch"])
"""Commands that take any number of targets."""

FORMATS = ("table", "json", "jsonl", "csv", "name")

_EXAMPLES = """\
examples:
  cftui                                      the cockpit
  cftui demo                                 the cockpit on a simulated cloud; needs nothing, keeps nothing
  cftui vms status:running 'ram>4' -o json   what is running with more than 4 GB
  cftui reboot web-1                         asks, sends once, waits, says how it ended
  cftui shutdown @name:web --dry-run         the exact requests, sent to nobody
  cftui off web-1 --force-after 90           shuts down, watches, cuts the power if it still runs after 90 s
  cftui reboot @web --canary --stop-after 1  one VM, then a tenth of them, then the rest
  cftui power-off - --yes --expect-count 3   three names or ids on stdin
  cftui resize db-1 --cpu 4 --ram 16         the VM must be powered off

"""

_ENVIRONMENT = """
environment:
  CFTUI_URL, CFTUI_EMAIL, CFTUI_PASSWORD     the account; the password has no option, since arguments are public
  CFTUI_PROFILE, CFTUI_CONFIG                which profile, and which file instead of ~/.config/cftui/config.toml
  CFTUI_READ_ONLY                            1: nothing may be changed
  NO_COLOR                                   no colour
"""

_TARGET = (
    "a VM: its id, its exact name, or 6 or more letters its id begins with; @FILTER for all that pass; - for stdin"
)


class Options(argparse.Namespace):
    """What was asked for; class values are the defaults, so that an option counts before and after its command."""

    command: str = ""
    profile: str | None = None
    url: str | None = None
    email: str | None = None
    read_only: bool = False
    output: str | None = None
    columns: str | None = None
    excel: bool = False
    quiet: bool = False

    targets: list[str]
    new_name: str = ""
    dry_run: bool = False
    yes: bool = False
    expect_count: int | None = None
    no_wait: bool = False
    timeout: float | None = None
    """Seconds; None means the usual limit of the type."""
    max_parallel: int = 4
    in_flight: int | None = None
    canary: bool = False
    stop_after: int | None = None
    stop_on_error: bool = False
    stagger: float = 0.0
    force_after: float | None = None
    guided: bool = False
    cold: bool = False
    cpu: float | None = None
    ram: float | None = None
    disk: float | None = None
    name: str | None = None

    view: str | None = None
    acknowledge_gap: bool = False
    handover: bool = False
    since: float | None = None

    filter: list[str]
    status: str | None = None
    type: str | None = None
    config_command: str = ""
    profile_command: str = ""

    host: str = "127.0.0.1"
    port: int = 8808
    vms: int = 200
    seed: int = 1
    speed: float = 1.0
    calm: bool = False
    quirk: list[str]
    list_quirks: bool = False
    password_stdin: bool = False

    @property
    def form(self) -> str:
        """The form of the output: one of `FORMATS`, or `excel`."""
        return "excel" if self.excel else self.output or "table"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that suggests the nearest word and never guesses abbreviations."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and the nearest right word to stderr, and end with code 2."""
        from cftui.cli.output import complain
        from cftui.text import clean

        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
        if wrong:
            message = re.sub(r" \(choose from .*\)$", "", message)
            message = f"{message}{self._nearest(wrong[1] or wrong[2] or '')}"
        complain(f"cftui: {clean(message)}\n       Try '{self.prog} --help'.\n")
        sys.exit(ExitCode.USAGE)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version are data: argparse itself takes no notice of a disk that is full."""
        if file is not None:
            file.write(message)
            file.flush()

    def _nearest(self, word: str) -> str:
        import difflib

        known = list(self._option_string_actions)
        for action in self._actions:
            known += [str(choice) for choice in action.choices or ()]
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    known += parser._option_string_actions
        close = difflib.get_close_matches(word.partition("=")[0], known, 1)
        return f"; did you mean {close[0]!r}?" if close else ""


def parse(argv: list[str]) -> Options:
    """Read the command line; ends the program for `--help`, `--version` and mistakes."""
    parser = make_parser()
    if any(re.match(r"--passw(or)?d(=|$)", word) for word in argv):  # before argparse repeats what stands beside it
        parser.error("no option takes a password, as everybody can read a process's arguments; set CFTUI_PASSWORD")
    options, rest = parser.parse_known_args(argv, namespace=Options(targets=[], filter=[], quirk=[]))
    if options.excel and options.output != "csv":
        parser.error("--excel goes with -o csv")
    # argparse gives all words of a list to its first run, and calls those after an option unknown: `reboot a --yes b`.
    words = options.filter if options.command == "vms" else options.targets if options.command in _LISTS else None
    if words is None or any(word.startswith("-") and word != "-" for word in rest):
        if rest:
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
    else:
        words += rest
    return options


def make_parser() -> Parser:
    """The parser of every command."""
    common = _common()
    parser = Parser(
        prog="cftui",
        description="The cockpit for asynchronous VM actions. Without a command it opens on the chosen profile.\n\n"
        + _EXAMPLES,
        epilog=HELP + _ENVIRONMENT,
        usage="cftui [OPTION]... [COMMAND] [ARGUMENT]...",
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"cftui {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=Parser, prog="cftui"
    )

    def add(name: str, help_text: str, *parents: Parser) -> Parser:
        return commands.add_parser(
            name,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            parents=[common, *parents],
            argument_default=argparse.SUPPRESS,
        )

    _fleet(add("demo", "the cockpit on a simulated cloud inside the program"))
    _simulate(add("simulate", "the simulated cloud as a server"))
    vms = add("vms", "list the VMs, all or those that pass a filter")
    vms.add_argument(
        "filter", nargs="*", metavar="FILTER", help="words that must all match: web status:running 'cpu>=2' '!locked'"
    )
    vms.add_argument("--view", metavar="NAME", help="a saved view: its filter, beside the words given, and its order")
    add("vm", "show one VM whole").add_argument("targets", nargs=1, metavar="TARGET", help=_TARGET)
    acting = _acting()
    for verb, help_text in SIMPLE_VERBS.items():
        _targets(add(verb, help_text, acting))
    off = add("off", "power VMs off safely: shut down, watch, and cut the power only with --force-after", acting)
    _targets(off)
    _forcing(off)
    resize = add("resize", "change CPUs, memory or disk of VMs that are powered off", acting)
    _targets(resize)
    resize.add_argument("--cpu", type=_positive, metavar="N", help="number of CPUs")
    resize.add_argument("--ram", type=_positive, metavar="GB", help="memory in GB")
    resize.add_argument("--disk", type=_positive, metavar="GB", help="disk in GB; growing it is hard to reverse")
    resize.add_argument(
        "--guided", action="store_true", help="stop the VM safely, resize, verify, start it again, verify"
    )
    _forcing(resize, " (with --guided)")
    rename = add("rename", "give a VM another name", acting)
    rename.add_argument("targets", nargs=1, metavar="TARGET", help=_TARGET)
    rename.add_argument("new_name", metavar="NEW-NAME")
    snapshot = add("snapshot", "make a snapshot of the disk of each VM", acting)
    _targets(snapshot)
    snapshot.add_argument(
        "--name",
        metavar="TEMPLATE",
        help="its name, with {name} {date} {time} {id} {token}; default {name}-{date}-{token}",
    )
    snapshot.add_argument(
        "--cold", action="store_true", help="stop the VM safely, make the snapshot, verify, start it again"
    )
    _forcing(snapshot, " (with --cold)")
    actions = add("actions", "the cloud's action history")
    actions.add_argument("targets", nargs="*", metavar="TARGET", help=_TARGET)
    actions.add_argument("--status", metavar="S", help="only this status: in-progress, completed, errored")
    actions.add_argument("--type", metavar="T", help="only this type: reboot, power_off, ...")
    watch = add("watch", "one line an event, until all of it has ended")
    watch.add_argument(
        "targets", nargs="*", metavar="TARGET|HANDLE", help=f"{_TARGET}; or a handle such as act:3f9c01aa"
    )
    watch.add_argument("--timeout", type=_positive, metavar="SECONDS", help="stop watching after this long")
    journal = add("journal", "what this machine sent, with verdicts")
    journal.add_argument(
        "--acknowledge-gap", action="store_true", help="after the journal lost rows: say that you know, to send again"
    )
    journal.add_argument("--handover", action="store_true", help="a shift's timeline as Markdown, for who comes next")
    journal.add_argument("--since", type=_positive, metavar="HOURS", help="how far a handover goes back; default 12")
    _nested(add("profile", "the configured accounts"), "profile_command", {"list": "list them"}, common)
    _nested(
        add("config", "the configuration"),
        "config_command",
        {"path": "where the file is", "show": "each value and its source"},
        common,
    )
    return parser


def _common() -> Parser:
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("everywhere")
    group.add_argument("--profile", metavar="NAME", help="the account to use")
    group.add_argument("--url", help="the cloud: https://cloudsfor.com, with or without a base path")
    group.add_argument("--email", help="the account's e-mail")
    group.add_argument("--read-only", action="store_true", help="change nothing, whatever is asked")
    group.add_argument("-o", "--output", choices=FORMATS, metavar="FORM", help=f"{', '.join(FORMATS)}; default table")
    group.add_argument("--columns", metavar="A,B", help="columns of a table or CSV")
    group.add_argument("--excel", action="store_true", help="with -o csv: an ' before what a spreadsheet would compute")
    group.add_argument("-q", "--quiet", action="store_true", help="no narration on stderr")
    return common


def _acting() -> Parser:
    acting = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = acting.add_argument_group("sending")
    group.add_argument("--dry-run", action="store_true", help="print the exact requests and send none of them")
    group.add_argument("-y", "--yes", action="store_true", help="do not ask")
    group.add_argument(
        "--expect-count", type=_count, metavar="N", help="how many VMs are meant; needed beside --yes for several"
    )
    group.add_argument("--no-wait", action="store_true", help="print a handle for `cftui watch` once it is accepted")
    group.add_argument(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help="how long to wait for the end of a request; default 120 for a VM to stop, else the type's usual limit",
    )
    order = acting.add_argument_group("order, for several")
    order.add_argument("--max-parallel", type=_count, metavar="N", help="how many requests at once; default 4")
    order.add_argument(
        "--in-flight", type=_count, metavar="N", help="how many VMs in progress at once; default any number"
    )
    order.add_argument("--canary", action="store_true", help="one VM to its end, then a tenth of them, then the rest")
    order.add_argument(
        "--stop-after", type=_count, metavar="N", help="begin no further VM once N went wrong or are unknown"
    )
    order.add_argument("--stop-on-error", action="store_true", help="the same as --stop-after 1")
    order.add_argument("--stagger", type=_positive, metavar="SECONDS", help="time between the beginnings of two VMs")
    return acting


def _forcing(parser: Parser, when: str = "") -> None:
    parser.add_argument(
        "--force-after",
        type=_positive,
        metavar="SECONDS",
        help=f"cut the power of a VM that has not stopped so long after its shutdown was sent{when}",
    )


def _targets(parser: Parser) -> None:
    parser.add_argument("targets", nargs="+", metavar="TARGET", help=_TARGET)


def _fleet(parser: Parser) -> None:
    parser.add_argument("--vms", type=_count, metavar="N", help="how many VMs; default 200")
    parser.add_argument("--seed", type=int, metavar="N", help="which fleet; the same seed gives the same; default 1")
    parser.add_argument(
        "--speed", type=_positive, metavar="X", help="how many times faster than a real cloud; default 1"
    )


def _simulate(parser: Parser) -> None:
    parser.add_argument("--host", metavar="H", help="address to listen on; default 127.0.0.1")
    parser.add_argument("--port", type=_port, metavar="P", help="port; 0 takes any free one; default 8808")
    _fleet(parser)
    parser.add_argument("--calm", action="store_true", help="nobody else acts, and nothing errs")
    parser.add_argument(
        "--quirk", action="append", metavar="NAME[=VALUE]", help="an oddity of real servers; may be repeated"
    )
    parser.add_argument("--list-quirks", action="store_true", help="list the oddities")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from stdin; default the document's"
    )


def _nested(parser: Parser, dest: str, commands: dict[str, str], common: Parser) -> None:
    nested = parser.add_subparsers(dest=dest, metavar="COMMAND", required=True, parser_class=Parser)
    for name, help_text in commands.items():
        nested.add_parser(name, help=help_text, parents=[common], argument_default=argparse.SUPPRESS)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
