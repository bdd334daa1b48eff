"""Grade numerical Python assignments, for example with `grader check FILE`. Exit codes: 0 graded, 1 below --fail-under,
2 wrong call or file, 3 broken assignment, 4 internal error."""

from __future__ import annotations

import atexit
import errno
import gc
import re
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from grader import __version__
from grader.cli.early import start
from grader.errors import GraderError
from grader.render.text import one_line

STUDENTS, TEACHERS, AUTHORS, OPERATORS = "For students", "For teachers", "For authors of assignments", "For operators"
COMMANDS = {
    "check": ("grader.cli.grading:check", "Grade one submission and explain lost points.", STUDENTS),
    "watch": (
        "grader.cli.watch:watch",
        "Grade the code again on every save, and show what the save has changed.",
        STUDENTS,
    ),
    "replay": (
        "grader.cli.grading:replay",
        "Re-run one check of a report; exit with 1 if the verdict differs.",
        STUDENTS,
    ),
    "login": ("grader.cli.student:login_", "Log in at a service, with a token from its page Settings.", STUDENTS),
    "logout": ("grader.cli.student:logout", "Remove the stored login.", STUDENTS),
    "submit": ("grader.cli.student:submit", "Submit files to the service that you are logged in at.", STUDENTS),
    "status": ("grader.cli.student:status_", "Show your newest submissions, with their scores.", STUDENTS),
    "verify-receipt": (
        "grader.cli.receipts:verify_receipt",
        "Check that a service has signed a receipt, and that it received the given files.",
        STUDENTS,
    ),
    "batch": (
        "grader.cli.batch:app",
        "Grade a learning platform's export of a class and write a gradebook.",
        TEACHERS,
    ),
    "zip": (
        "grader.cli.batch:zip_",
        "Pack all reports into a zip with the names that the learning platform expects for feedback.",
        TEACHERS,
    ),
    "mark": ("grader.cli.mark:app", "Mark written answers in a CSV file.", TEACHERS),
    "assignments": ("grader.cli.assignments:assignments", "List the assignments, with their points.", AUTHORS),
    "demo": (
        "grader.cli.assignments:demo",
        "Grade an assignment's example submissions, by default those of the demo that comes with the grader.",
        AUTHORS,
    ),
    "new": (
        "grader.cli.assignments:new",
        "Create the folder of a new assignment, from a solution or as a template.",
        AUTHORS,
    ),
    "certify": (
        "grader.cli.assignments:certify",
        "Grade the assignment's specimens (right and wrong solutions): each must lose exactly the points it should.",
        AUTHORS,
    ),
    "calibrate": (
        "grader.cli.assignments:calibrate",
        "Train the reference on several seeds; show how often correct solutions would fail, and propose thresholds.",
        AUTHORS,
    ),
    "pack": ("grader.cli.assignments:pack", "Make an archive for students or for Gradescope.", AUTHORS),
    "serve": ("grader.cli.serve:serve", "Run the grading service until SIGTERM or Ctrl-C.", OPERATORS),
    "worker": (
        "grader.cli.worker:worker",
        "Grade on this machine for a service that uses PostgreSQL, until SIGTERM or Ctrl-C.",
        OPERATORS,
    ),
    "xqueue": (
        "grader.cli.xqueue:xqueue",
        "Grade the submissions of an Open edX queue (XQueue) until SIGTERM or Ctrl-C.",
        OPERATORS,
    ),
    "admin": ("grader.cli.admin:app", "Manage courses, people, tokens and offered assignments.", OPERATORS),
    "backup": (
        "grader.cli.backup:backup_",
        "Copy the service's SQLite database into one file; the service may run.",
        OPERATORS,
    ),
    "restore": (
        "grader.cli.backup:restore_",
        "Replace the service's database by a copy; the service must not run.",
        OPERATORS,
    ),
    "doctor": (
        "grader.cli.doctor:doctor",
        "Run the sandbox self-test; exit with 4 if any of its tests fails.",
        OPERATORS,
    ),
    "runtimes": (
        "grader.cli.assignments:make_runtimes",
        "Create the Python environment for students' code, and environments for assignments with additional packages.",
        OPERATORS,
    ),
}
"""Name of a command → (its function or Typer application, the first sentence of its help, the heading that it is listed
under)."""


COMMANDS = {  # a student's pack contains only some of the modules
    name: command for name, command in COMMANDS.items() if find_spec(command[0].partition(":")[0])
}

_OPTIONAL = re.compile(r"(?P<name>[\w.-]+).*extra == ['\"](?P<extra>[\w-]+)")
"""Matches an optional requirement in the metadata of a distribution, for example `psycopg[binary]; extra ==
"postgres"`."""


class LazyGroup(TyperGroup):
    """A group of commands that imports a command's libraries only when the command is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # for the list of commands, which needs only names and sentences
        for name, (_, sentence, heading) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=sentence, rich_help_panel=heading)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return (name, command, arguments) of a call. In place of the stub of a command, return the real one, which is
        imported now."""
        name, command, arguments = super().resolve_command(ctx, args)
        if name in COMMANDS:
            is_shown = sys.stderr.isatty() and not ctx.resilient_parsing  # completion must print nothing
            if is_shown:
                sys.stderr.write("starting …\r")
                sys.stderr.flush()
            if name == "check":
                start(args)
            command = load(name)
            if is_shown:
                sys.stderr.write("\x1b[K")  # erases the line
        return name, command, arguments


def load(name: str) -> Any:
    """Import and return the command with this name, such as "check"."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    group = getattr(import_module(module), attribute)
    if not isinstance(group, typer.Typer):
        function = group
        group = typer.Typer(add_completion=False, context_settings=_CONTEXT)
        group.command(name)(function)
    command = typer.main.get_command(group)
    command.name = name
    return command


_CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings=_CONTEXT,
)


def _print_version(is_given: bool) -> None:
    if is_given:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def grader(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def run() -> NoReturn:
    """Run the command and exit. A failure is printed in one line and sets the exit code."""
    atexit.register(gc.freeze)  # skips the last garbage collection: a tenth of the CPU time of a short command
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # exit normally, so that sandbox sessions are closed
    try:
        code = app(standalone_mode=False)  # returns the exit code
    except typer.Abort:
        sys.exit(130)
    except GraderError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as missing:
        _fail(f"{missing.name} is not installed: {_install_command(str(missing.name))}", 2)
    except OSError as full:
        if full.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            _fail(f"internal error: {type(full).__name__}: {full}", 4)
        _fail(f"no room on the disk ({full.strerror}): make room, and run the command again", 4)
    except Exception as error:  # noqa: BLE001  a traceback would exit with 1, which means a low score
        if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export this class; the help has been printed
            sys.exit(2)
        if not hasattr(error, "format_message"):
            _fail(f"internal error: {type(error).__name__}: {error}", 4)
        context = getattr(error, "ctx", None)
        _fail(f"{error.format_message()} (see {context.command_path if context else 'grader'} --help)", 2)
    sys.exit(code or 0)


def _install_command(module: str) -> str:
    """Return the command that installs a missing module, for example `python -m pip install 'grader[similar]'`."""
    from grader.distribution import installed

    package = module.partition(".")[0].replace("_", "-").lower()
    distribution = installed()
    for requirement in (distribution.requires if distribution else None) or []:
        optional = _OPTIONAL.match(requirement)
        if distribution and optional and optional["name"].replace("_", "-").lower() == package:
            return f"python -m pip install '{distribution.name}[{optional['extra']}]'"
    return f"python -m pip install {package}"


def _fail(message: str, code: int) -> NoReturn:
    """Print an error message in red on standard error, and exit with this code."""
    typer.secho(f"grader: {one_line(message, 600)}", fg="red", err=True)
    sys.exit(code)
