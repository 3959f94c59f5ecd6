"""What MLflow, and the database below it, raise: as bad input, or as something to try later."""

from __future__ import annotations

import sqlite3
from http import HTTPStatus

from mlflow.exceptions import MlflowException
from sqlalchemy import exc

from harness.spec.errors import BadInput, TryLater

_NO_DATABASE = ("file is not a database", "malformed", "file is encrypted")
"""What SQLite says of a file that is none of its own, or a damaged one."""


def refusal(error: BaseException) -> BadInput | None:
    """The error of a tracking store as one that the command can end with, or None where it is no
    error of a tracking store.

    An address that cannot be one, a missing driver and what a server refuses are bad input; a
    database or a server that is away, locked, full or failing is TryLater.
    """
    if isinstance(error, MlflowException):
        below = error.__cause__ or error.__context__
        return (refusal(below) if below else None) or _of_server(error)
    if isinstance(error, exc.SQLAlchemyError):
        return _of_database(error)
    if isinstance(error, sqlite3.Error):
        return _kind(_is_passing(error), str(error))
    return None


def _of_server(error: MlflowException) -> BadInput:
    status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
    later = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
    )
    return _kind(later, error.message)


def _of_database(error: exc.SQLAlchemyError) -> BadInput:
    if isinstance(error, exc.NoSuchModuleError | exc.ArgumentError):
        return _kind(False, str(error))
    if isinstance(error, exc.DBAPIError):
        reason = error.orig or error
        passing = isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError)
        return _kind(passing and _is_passing(reason), str(reason))
    return _kind(isinstance(error, exc.TimeoutError), str(error))


def _is_passing(error: BaseException) -> bool:
    """Whether another try may find it gone. A table or a column that is not there stays away."""
    text = str(error)
    if any(words in text for words in (*_NO_DATABASE, "no such table", "no such column")):
        return False
    return not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.OperationalError)


def _kind(passing: bool, reason: str) -> BadInput:
    text = f"the tracking store: {reason}"
    return TryLater(text) if passing else BadInput(text)
