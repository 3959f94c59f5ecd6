"""Addresses of tracking stores: what one may be, which of them are the same, how each is shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from harness.core.errors import BadInput
from harness.core.secrets import without_passwords

SQLITE = "sqlite:///"
PORTS = {"http": 80, "https": 443}
DATABASES = ("postgresql", "mysql", "mssql")
"""The databases besides SQLite that MLflow can write to without a server."""
EXAMPLES = "sqlite:///PATH.db for a file, http://HOST:PORT for an MLflow server"
_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+|[\w-]+(?=:))(?::\d+)?(?:/.*)?")


@dataclass(frozen=True)
class Address:
    """Where a tracking store is.

    `uri` is what MLflow is given. `identity` is the same for every spelling of one store, has no
    user and no password, and does not change with the folder that holds a store of its own.
    `database` is the file of a SQLite store, None for any other.
    """

    uri: str
    identity: str
    database: Path | None = None

    @property
    def is_server(self) -> bool:
        """Whether an MLflow server is asked over HTTP."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def is_database(self) -> bool:
        """Whether it is a database, other than a SQLite file, that MLflow writes to itself."""
        return self.uri.partition(":")[0].partition("+")[0] in DATABASES


def sqlite_uri(database: Path) -> str:
    """The address of a SQLite file.

    >>> sqlite_uri(Path("/tmp/50% of what?/mlflow.db"))
    'sqlite:////tmp/50%25 of what%3F/mlflow.db'
    """
    path = str(database.resolve()).replace("%", "%25").replace("?", "%3F")
    return SQLITE + path


def default_uri(folder: Path) -> str:
    """The tracking store that is used when nobody named one: SQLite beside the results."""
    return sqlite_uri(folder / "mlflow.db")


def read_address(text: str, folder: Path) -> Address:
    """The address that a user wrote; `folder` is the output folder. Raises BadInput where it is
    none, with what was probably meant.
    """
    text = text.strip()
    scheme = text.partition(":")[0].lower()
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        return _sqlite(text, folder)
    if scheme in PORTS:
        return _server(text)
    if kind in DATABASES:
        return _database(text)
    if "://" in text and kind not in ("file", "postgres"):
        return Address(text, without_passwords(text))  # of a plugin of MLflow's
    if scheme == "databricks" or text == "uc":
        return Address(text, text)
    raise BadInput(f"tracking store {without_passwords(text)!r}: {_advice(text, kind)}")


def shown(uri: str) -> str:
    """An address as a person may read it: no user, no password, no place of this machine.

    >>> shown("https://ann:secret@mlflow.example.org:5000/x?token=5")
    'https://mlflow.example.org:5000/x'
    """
    if uri.startswith(SQLITE):
        database = uri.removeprefix(SQLITE).partition("?")[0]
        return f"{SQLITE}{os.path.relpath(database)}"
    return _bare(urlsplit(uri)) if "://" in uri else uri


def _bare(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="", fragment=""))


def _sqlite(text: str, folder: Path) -> Address:
    path = text.partition(":")[2]
    if not path.startswith("///") or path.lstrip("/").partition("?")[0] in ("", ":memory:"):
        named = path.lstrip("/")
        meant = f"did you mean {SQLITE}{named}?" if named else "name its file"
        why = "a store in memory is lost with the command; " if ":memory:" in path else ""
        raise BadInput(
            f"tracking store {text!r}: {why}a SQLite store is written {SQLITE}PATH.db, with a "
            f"fourth slash where the path is absolute; {meant}"
        )
    name = make_url(text).database or ""
    database = Path(name).resolve()
    if database.is_dir():
        raise BadInput(f"tracking store {text!r}: a folder; name the file of a database")
    output_folder = folder.resolve()
    inside = database.parent == output_folder
    identity = f"{SQLITE}{database.name if inside else database}"
    return Address(sqlite_uri(database), identity, database)


def _server(text: str) -> Address:
    parts = urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise BadInput(f"tracking store {without_passwords(text)!r}: write http://HOST:PORT")
    scheme = parts.scheme.lower()
    place = f"{host}:{port or PORTS[scheme]}{parts.path.rstrip('/')}"
    return Address(text.rstrip("/"), f"{scheme}://{place}")


def _database(text: str) -> Address:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadInput(
            f"tracking store {without_passwords(text)!r}: write postgresql://USER@HOST:PORT/NAME, "
            "with %40 for an @ in a password"
        ) from None
    port = f":{url.port}" if url.port else ""
    kind = url.drivername.partition("+")[0]
    return Address(text, f"{kind}://{(url.host or '').lower()}{port}/{url.database or ''}")


def _advice(text: str, kind: str) -> str:
    rest = text.removeprefix("file:").removeprefix("//")
    if kind == "postgres":
        return f"did you mean {without_passwords('postgresql' + text[len(kind) :])}?"
    if kind != "file" and (text.endswith((".db", ".sqlite")) or Path(text).is_file()):
        return f"a path; did you mean {sqlite_uri(Path(text))}?"
    if kind == "file" or Path(text).is_dir() or text.startswith((".", "/", "~")):
        return (
            "a folder of files is no store that the harness can search; "
            f"did you mean {sqlite_uri(Path(rest) / 'mlflow.db')}?"
        )
    if _HOST.fullmatch(text):
        return f"did you mean http://{text}?"
    return f"no address of a tracking store; write {EXAMPLES}"
