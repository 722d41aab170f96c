"""What can go wrong in a way the user can mend, and what it means to stop early."""


class UserError(Exception):
    """Say what is wrong with the user's input, where, and the way out.

    Parameters
    ----------
    message : one sentence naming the file, row or column.
    fix : one sentence with the way out; may be empty.
    where : the place (file, column, parameter) for a page to point at; may be empty.
    """

    def __init__(self, message: str, fix: str = "", where: str = ""):
        super().__init__(message, fix, where)
        self.message, self.fix, self.where = message, fix, where

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class Cancelled(Exception):
    """The user stopped the run."""


class OutOfTime(Exception):
    """The time limit of a run has passed; `Context.best_so_far` catches it."""
