"""Checks within seconds that a tracking store answers, where MLflow would retry for minutes."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from requests import Response
from sqlalchemy import create_engine, exc

from harness.core.errors import BadInput, TryLater
from harness.tracking.address import Address, shown
from harness.tracking.refusals import brief

SECONDS = 10
"""How long a server or a database may take for its first answer."""
SEARCH = "/api/2.0/mlflow/experiments/search"
_UNKNOWN = re.compile(r"(?i)authentication failed|access denied|does not exist|unknown database")
"""How databases say that a name or a password is wrong."""
DRIVERS = {
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "pymysql": "PyMySQL",
}
"""Packages by the module that SQLAlchemy asks for, where they have another name."""
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def check_reachable(address: Address) -> None:
    """Raise TryLater where no store answers for now, and BadInput where something else than a store
    answers, or where the store does not let the user in.
    """
    if address.is_server:
        _check_server(address.uri)
    elif address.is_database:
        _check_database(address.uri)


def _check_server(uri: str) -> None:
    try:
        answer = http_request(  # type: ignore[no-untyped-call]
            get_default_host_creds(uri),  # type: ignore[no-untyped-call]
            SEARCH,
            "POST",
            json={"max_results": 1},
            max_retries=0,
            timeout=SECONDS,
            raise_on_status=False,
        )
    except MlflowException as error:
        raise TryLater(
            f"{shown(uri)}: no MLflow server answers ({brief(error)}); start it, or name another "
            "store with --tracking-uri or MLFLOW_TRACKING_URI"
        ) from error
    if answer.status_code != HTTPStatus.OK:
        raise _refused(shown(uri), answer)
    if not isinstance(_content(answer), dict):
        raise BadInput(
            f"{shown(uri)}: what answers is no MLflow server but a page, perhaps for signing in; "
            "check the address, and name user and password with MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or a token with MLFLOW_TRACKING_TOKEN"
        )


def _content(answer: Response) -> Any:
    try:
        return json.loads(answer.text or "{}")
    except ValueError:
        return None


def _refused(name: str, answer: Response) -> BadInput:
    status = answer.status_code
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return BadInput(
            f"{name}: the server does not let you in (HTTP {status}); name user and password with "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or a token with "
            "MLFLOW_TRACKING_TOKEN"
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING:
        return TryLater(f"{name}: the server fails (HTTP {status}); try again later")
    return BadInput(f"{name}: no MLflow server is there (HTTP {status}); check the address")


def _check_database(uri: str) -> None:
    try:
        engine = create_engine(uri, connect_args=_limits(uri))
    except ModuleNotFoundError as error:
        package = DRIVERS.get(error.name or "", error.name)
        raise BadInput(
            f"{shown(uri)}: the database's driver {error.name} is not installed; "
            f"pip install {package}"
        ) from error
    except (exc.NoSuchModuleError, exc.ArgumentError) as error:
        raise BadInput(f"{shown(uri)}: {brief(error)}") from error
    try:
        engine.connect().close()
    except exc.DBAPIError as error:
        if _UNKNOWN.search(str(error)):
            raise BadInput(
                f"{shown(uri)}: the database does not let you in ({brief(error.orig or error)}); "
                "check its name, user and password"
            ) from error
        raise TryLater(
            f"{shown(uri)}: the database does not answer ({brief(error.orig or error)}); start it, "
            "or check the address"
        ) from error
    finally:
        engine.dispose()


def _limits(uri: str) -> dict[str, int]:
    """The option by which a driver limits the time that a connection may take."""
    is_supported = uri.startswith(("postgresql", "mysql")) and "connect_timeout" not in uri
    return {"connect_timeout": SECONDS} if is_supported else {}
