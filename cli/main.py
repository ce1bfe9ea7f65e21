"""The command ``soilco2``: finds a command's module only when that command is asked for."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from soilco2 import __version__
from soilco2.cli.options import LazyGroup, choose, echo, language
from soilco2.station_config.message import Message, system

COMMANDS: dict[str, str] = {
    "demo": "Run a station of simulated probes on measured data and open its page.",
    "check": "Say what a station file will read from where, or everything that is wrong with it.",
    "init": "Write a small station file: by questions, or from a list.",
    "scan": "Look for instruments on a port, and name what they may be.",
    "address": "Give the one probe on a line another address.",
    "line": "Give the one probe on a line another speed.",
    "read": "Read instruments now: value, flag, reason, bytes.",
    "catalogue": "List and search the models of instruments.",
    "simulate": "Run simulated probes for a station on measured data.",
    "collect": "Read the station's probes and keep every reading safe.",
    "status": "Show what came in, what is stored, what waits and what is wrong.",
    "import": "Bring a tidy table into the journal.",
    "export": "Write series as a tidy table with a sidecar that explains it.",
    "replay": "Send a window of the journal to the database again.",
    "verify": "Compare journal and database, series by series.",
    "reprocess": "Recompute observations after a changed station file.",
    "archive": "Put past readings into checksummed files, and make room.",
    "backup": "Write a checked copy of a station to another disk, while it runs.",
    "restore": "Bring a station back from a backup.",
    "parked": "List, show, retry, drop or decide what could not be used.",
    "flag": "Flag a stretch of a series by hand, or take the flag back.",
    "note": "Write a note into the station's log.",
    "analyse": "Answer how CO₂ goes with temperature, water and salinity.",
    "dashboard": "Serve the live page, or write Grafana's dashboards.",
    "broker": "Write the accounts and rights of a broker that stations share.",
    "plan": "Write the monitoring plan or the data-quality plan of a station.",
    "teach": "The teaching case: lessons, marking, progress, without internet.",
}
"""Every command in the order of the help, with its one-line help: the list must not import them."""


_CYCLES = 20_000
"""Objects that gather before cycles are looked for: rows come in thousands and none of them in a cycle."""
_MODULES = {"import": "import_"} | {name: f"{name}.group" for name in ("analyse", "dashboard", "teach")}
"""Where a command's module has another name than the command."""


def _place(name: str) -> str:
    return f"soilco2.cli.commands.{_MODULES.get(name, name)}:command"


class _Group(LazyGroup):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Group,
    elsewhere={name: _place(name) for name in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has an example: soilco2 COMMAND --help",
)
@click.version_option(__version__, prog_name="soilco2")
def cli() -> None:
    """From the soil probe to an answer that holds."""


def _sentence(error: BaseException) -> Message | None:
    """The sentence of an error that a user can mend; None when it is a fault of the program."""
    if isinstance(error, OSError):
        why = system(error)
        return Message("{why}: {file}", why=why, file=error.filename) if error.filename else why
    said = str(error)
    return said if isinstance(said, Message) else None


def _wrong_use(error: click.ClickException) -> None:
    """Say what was wrong with an option or argument; click's own words stay English."""
    said = error.message
    if not isinstance(said, Message) or language() == "en":
        error.show()
    elif isinstance(error, click.BadParameter):
        hint = error.param_hint
        if hint:
            name = hint if isinstance(hint, str) else " / ".join(hint)
            echo(Message("invalid value for {name}: {why}", name=name, why=said), err=True)
        else:
            echo(Message("invalid value: {why}", why=said), err=True)
    else:
        echo(said, err=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line: 0 fine, 1 a result says no, 2 wrong use or a fault that needs a person."""
    gc.set_threshold(_CYCLES, 20, 20)
    choose(None)
    try:
        code: Any = cli.main(
            args=None if argv is None else list(argv), prog_name="soilco2", standalone_mode=False
        )
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.Abort:
        echo(Message("stopped"), err=True)
        code = 130
    except click.ClickException as error:
        _wrong_use(error)
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        said = _sentence(error)
        if said is None:
            raise
        echo(Message("soilco2: {why}", why=said), err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
