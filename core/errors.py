# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble that a user can act on."""


class UserError(Exception):
    """Expected trouble, told in a sentence: ``message`` says what is wrong and where, ``hint`` what to do about it.

    Operators report it, the shell prints it to stderr, the worker sends it as data. Anything else that is raised is a bug and is shown as
    one.
    """

    def __init__(self, message: str, hint: str = ""):
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class Cancelled(Exception):
    """The user asked to stop. Not an error: whoever catches it leaves everything as it was."""
