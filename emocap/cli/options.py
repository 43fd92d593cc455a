"""What the verbs share: options that several have, and how an example is shown."""

# Tested in tests/cli/test_main.py.

import logging
from pathlib import Path
from typing import Annotated

import typer


def example(*commands: str) -> str:
    """The end of a verb's help."""
    # The first character keeps every command on one line of its own.
    return "\n  ".join(["\b\nExample:", *commands])


def _verbose(on: bool) -> None:
    logging.basicConfig(level=logging.INFO if on else logging.WARNING, format="%(name)s: %(message)s", force=True)


Verbose = Annotated[bool, typer.Option("--verbose", "-v", callback=_verbose, help="Say more about what is done.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the result; the same folder again resumes.")]
Data = Annotated[
    Path, typer.Option(envvar="EMOCAP_DATA", help="The folder with a folder per benchmark, or that of the only one.")
]
"""Where benchmarks lie."""
CONTEXT = {"help_option_names": ["-h", "--help"]}
