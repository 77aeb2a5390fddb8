"""The program ``dlcx``: its commands, and the conversion of errors to messages and exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import typer

from dlcx.cli.deeplabcut_names import advice
from dlcx.cli.help import Program
from dlcx.cli.next_steps import given_project, with_project
from dlcx.cli.output import print_error, print_json, print_traceback
from dlcx.errors import AlreadyReported, DlcxError, did_you_mean
from dlcx.options.entry_points import naming_flags
from dlcx.outputs import disk_full_error, is_disk_full
from dlcx.untrusted_files import RENAME

#: Raised by click, or typer's copy of it, for a command line that cannot be parsed.
UsageError = cast(type[Exception], typer.BadParameter.__base__)

#: Flags of every command that the program itself does not have.
OF_COMMANDS = ("-p", "--project", "--json", "--progress", "-q", "--quiet", "-v", "--verbose", "--debug")
BUG, UNPARSABLE, INTERRUPTED = 1, 2, 130


def version(show: bool) -> None:
    """Print the version and exit."""
    if show:
        from dlcx import __version__

        typer.echo(f"dlcx {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """Return the program with all its commands, in the order in which a project uses them."""
    app = typer.Typer(
        name="dlcx",
        cls=Program,
        help="Markerless animal pose estimation on DeepLabCut project folders.\n\n"
        "Exit codes: 0 done; 2 invalid command line; 3 a value, input or output cannot be used; "
        "4 finished, but some items failed; 75 stopped by a signal, run the same command again to resume; "
        "130 interrupted; 1 a bug in dlcx.",
        no_args_is_help=False,
        rich_markup_mode=None,  # plain help: importing rich would double the time it takes
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def top(
        context: typer.Context,
        show_version: bool = typer.Option(
            False, "--version", callback=version, is_eager=True, help="Print the version and exit."
        ),
    ) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    return app


@functools.cache
def parser() -> Any:
    """Return the command-line parser, built once per process."""
    return typer.main.get_command(build())


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    An error is printed as one line on stderr, followed by a hint if there is one. With ``--json`` it is also printed as
    an object on stdout: ``{"error": {"message": ..., "hint": ..., "exit_code": ...}}``.
    """
    if arguments and arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    command = parser()
    fail = functools.partial(_fail, as_json="--json" in arguments, project=given_project(list(arguments)))
    try:
        with naming_flags():
            result = command.main(list(arguments), prog_name="dlcx", standalone_mode=False)
        sys.stdout.flush()
        if result == INTERRUPTED:  # some versions of typer return this code, others raise
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except AlreadyReported as error:
        return error.exit_code
    except DlcxError as error:
        if "--debug" in arguments:
            print_traceback()
        return fail(error.exit_code, str(error), error.hint)
    except UsageError as error:
        return fail(UNPARSABLE, *_usage(error, command))
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return fail(INTERRUPTED, "interrupted", "Run the same command again to resume.")
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # The reader closed the pipe (``dlcx ... | head``), which typer may have turned into an exit: discard the rest
        # of the output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
        return 0
    except (OSError, MemoryError) as error:
        if "--debug" in arguments:
            print_traceback()
        return fail(DlcxError.exit_code, *_of_machine(error))
    except UnicodeEncodeError as error:  # a file name that is not valid UTF-8
        if "--debug" in arguments:
            print_traceback()
        return fail(DlcxError.exit_code, f"a name is not UTF-8: {error.object}", RENAME)
    except Exception as error:
        if "--debug" in arguments:
            print_traceback()
        message = f"bug in dlcx: {type(error).__name__}: {error}"
        return fail(BUG, message, "Run again with --debug for the traceback, and report it.")


def _fail(exit_code: int, message: str, hint: str, *, as_json: bool, project: str | None) -> int:
    hint = with_project(hint, project)
    if as_json:
        print_json({"error": {"message": message, "hint": hint, "exit_code": exit_code}})
        sys.stdout.flush()
    print_error(message, hint)
    return exit_code


def _of_machine(error: OSError | MemoryError) -> tuple[str, str]:
    """Return message and hint for an error of the operating system."""
    if isinstance(error, MemoryError):
        return f"out of memory: {error or 'no more can be had'}", "Use a smaller --batch-size, or close other programs."
    named = [str(name) for name in (error.filename, error.filename2) if name is not None]
    if is_disk_full(error, Path(named[0]).parent if named else Path()):
        full = disk_full_error(Path(named[0]) if named else Path("outputs"))
        return str(full), full.hint
    where = f" {' -> '.join(named)}" if named else ""
    return (
        f"cannot use{where}: {error.strerror or error}",
        "Check that it exists, its permissions, and free disk space.",
    )


def _usage(error: Any, command: Any) -> tuple[str, str]:
    """Return message and hint for a command line that cannot be parsed, with the closest valid name."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "dlcx"
    hint = f"See '{path} --help'."
    word = getattr(error, "option_name", None)
    if word in OF_COMMANDS and context and context.parent is None:
        hint = f"{word} follows the command: dlcx COMMAND {word}. {hint}"
    elif word and context:
        options = [name for param in context.command.params for name in getattr(param, "opts", [])]
        hint = f"{did_you_mean(word, options)} {hint}"
    message = " ".join(error.format_message().split())
    if message.startswith("No such command"):
        word = message.split("'")[1]
        message = f"no such command '{word}'"
        hint = advice(word) or f"{did_you_mean(word, list(command.commands))} See 'dlcx --help'."
    elif word and message.startswith("No such option"):
        message = f"no such option '{word}'"
    return f"{path}: {message[0].lower()}{message[1:]}", hint
