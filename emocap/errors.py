"""The one error that the command line turns into one line and exit code 2."""


class UserError(Exception):
    """Something the user must change. The message is one line that says what is wrong and how to mend it."""
