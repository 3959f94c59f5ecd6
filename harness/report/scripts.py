"""Scripts of pages, and the policy by which a browser runs no others.

Titles, names and texts on a page come from suites that others wrote. They are escaped; should one
slip through, the browser runs and fetches nothing that the page did not come with.
"""

from __future__ import annotations

import base64
import hashlib

from jinja2 import Environment
from markupsafe import Markup


def with_scripts(environment: Environment) -> Environment:
    """The environment of templates, in which `script(*names)` is the one script of a page, made of
    these templates in their order, and `policy(*names)` its content security policy.
    """

    def source(*names: str) -> str:
        loader = environment.loader
        assert loader
        return "".join(loader.get_source(environment, name)[0] for name in names)

    environment.globals.update(
        policy=lambda *names: _policy(source(*names)),
        script=lambda *names: Markup("<script>{}</script>").format(Markup(source(*names))),
    )
    return environment


def _policy(script: str) -> Markup:
    """Content Security Policy Level 3, section 8.3: a script runs by its digest alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(Markup(rules))
