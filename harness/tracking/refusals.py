"""What MLflow, and the database below it, raise: as bad input, or as something to try later."""

from __future__ import annotations

import re
import sqlite3
from http import HTTPStatus

from mlflow.exceptions import MlflowException, RestException
from sqlalchemy import exc

from harness.core.errors import BadInput, TryLater
from harness.core.secrets import without_passwords

_NO_DATABASE = ("file is not a database", "malformed", "file is encrypted")
"""What SQLite says of a file that is none of its own, or a damaged one."""
_FINAL = set(
    """
    INVALID_PARAMETER_VALUE RESOURCE_DOES_NOT_EXIST BAD_REQUEST INVALID_STATE MALFORMED_REQUEST
""".split()
)
_BELOW = re.compile(
    r"\(\w+\.(?:Operational|Interface|Internal|Programming|Integrity)Error\)"
    r"|\(psycopg2?\.errors\.UniqueViolation\)"
)
"""How a server tells of its own database's errors, which it calls bad requests."""


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


def is_for_good(error: BaseException) -> bool:
    """Whether a write would be refused again: it is not valid, or its run is gone.

    Whatever a server or a database cannot do for now, and what it asks other credentials for, is
    no such refusal.
    """
    if not isinstance(error, MlflowException) or error.error_code not in _FINAL:
        return False
    below = error.__cause__
    if isinstance(below, exc.SQLAlchemyError):
        return isinstance(below, exc.DataError)
    if is_unanswered(error):
        return False
    return not _BELOW.search(error.message)


def is_unanswered(error: MlflowException) -> bool:
    """Whether no MLflow server answered a request: nothing did, or a proxy, or a page for signing
    in.
    """
    return not isinstance(error, RestException) and "API request" in error.message


def is_outage(error: BaseException) -> bool:
    """Whether a server or a database is away for now. A SQLite file is no such thing."""
    explained = error if isinstance(error, BadInput) else refusal(error)
    return isinstance(explained, TryLater) and not _is_of_sqlite(error)


def _is_of_sqlite(error: BaseException | None) -> bool:
    while error:
        if isinstance(error, sqlite3.Error):
            return True
        error = error.__cause__
    return False


def brief(error: BaseException) -> str:
    """An error in one line of at most 200 characters, without passwords."""
    text = " ".join(without_passwords(str(error)).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
