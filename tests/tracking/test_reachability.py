"""What answers at an address, or does not, is told in one line and at once."""

import base64
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.core.errors import BadInput, TryLater
from harness.tracking import Store


@contextmanager
def answering(status: int, body: str, password: str = "") -> Iterator[str]:
    """A server that says one thing, or 401 to who does not know the password; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            expected = "Basic " + base64.b64encode(f"ann:{password}".encode()).decode()
            is_known = not password or self.headers.get("Authorization") == expected
            self.send_response(status if is_known else 401)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


PAGE = "<html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (401, PAGE, 2, "does not let you in (HTTP 401)"),
        (403, PAGE, 2, "does not let you in (HTTP 403)"),
        (404, PAGE, 2, "no MLflow server is there (HTTP 404)"),
        (200, PAGE, 2, "no MLflow server but a page"),
        (200, "[1, 2]", 2, "no MLflow server but a page"),
        (429, PAGE, 75, "the server fails (HTTP 429)"),
        (503, PAGE, 75, "the server fails (HTTP 503)"),
    ],
)
def test_what_is_no_mlflow_server(status: int, body: str, code: int, said: str, tmp_path: Path):
    with answering(status, body) as uri, pytest.raises(BadInput) as raised:
        Store(uri.replace("://", "://ann:secret@"), tmp_path).connect()
    assert said in str(raised.value)
    assert raised.value.exit_code == code
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_user_and_password_of_an_address_are_sent_and_shown_nowhere(tmp_path: Path):
    with answering(200, '{"experiments": []}', password="s%cr@t") as uri:
        own = uri.replace("://", "://ann:s%25cr%40t@")
        store = Store(own, tmp_path)
        store.connect()
        assert store.experiments() == {}
        assert store.name == uri
        with pytest.raises(BadInput, match="MLFLOW_TRACKING_PASSWORD"):
            Store(uri.replace("://", "://ann:wrong@"), tmp_path).connect()


def test_a_server_that_is_away_has_no_password_in_its_line(tmp_path: Path):
    with pytest.raises(TryLater, match=r"http://127.0.0.1:9: no MLflow server answers") as raised:
        Store("http://ann:secret@127.0.0.1:9", tmp_path).connect()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("uri", "code", "said"),
    [
        ("postgresql+nodriver://ann:secret@host/runs", 2, "nodriver"),
        ("mysql+oursql://ann:secret@host/runs", 2, "oursql"),
        ("nosuchplugin://ann:secret@host", 2, "MLflow knows no such store"),
    ],
)
def test_a_driver_that_is_missing(uri: str, code: int, said: str, tmp_path: Path):
    with pytest.raises(BadInput) as raised:
        Store(uri, tmp_path)
    assert said in str(raised.value)
    assert raised.value.exit_code == code
    assert "secret" not in str(raised.value)


def test_a_database_that_is_down(tmp_path: Path):
    pytest.importorskip("psycopg")
    with pytest.raises(TryLater, match="the database does not answer") as raised:
        Store("postgresql+psycopg://ann:secret@127.0.0.1:9/runs", tmp_path)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_package_of_a_missing_driver_is_named(tmp_path: Path):
    try:
        import MySQLdb  # noqa: F401, PLC0415
    except ImportError:
        with pytest.raises(BadInput, match="pip install mysqlclient"):
            Store("mysql://ann@host/runs", tmp_path)
    else:
        pytest.skip("it is installed")
