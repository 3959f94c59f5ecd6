"""What another machine needs to run a suite again: its files, the environment, and a script."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from harness.config.names import unfit
from harness.plan import Plan
from harness.plan.identity import is_shipped
from harness.report.export.file_names import file_slug, slugs
from harness.report.results import Results

NO_PACKAGES = ("harness", "harness commit", "commit", "python", "system", "device")
"""What the environment of a report has besides packages."""
PACKAGE, VERSION = re.compile(r"[A-Za-z0-9][\w.-]*"), re.compile(r"\d[\w.!+-]*")
"""What pip takes for a package and its version, and for no option."""
LARGEST = 10_000_000
"""Bytes above which a file beside a suite is data, which an export does not have."""


def suite_files(results: Results, plan: Plan | None) -> dict[str, str | bytes]:
    """The suite as it was written, below `suite/`, with the files of the user's that it needs:
    recipes, claims, and Python code, where `plan` tells them. Without a plan, a recipe of the
    user's is the resolved one. Below `recipes/`, every model's resolved recipe.
    """
    files: dict[str, str | bytes] = {suite_place(results): results.suite_yaml}
    names = slugs(model.name for model in results.models)
    for model in results.models:
        files[f"recipes/{names[model.name]}.yaml"] = model.recipe
        if _is_recipe_file(model.name):
            files.setdefault(f"suite/{model.name}", model.recipe)
    if plan and not is_shipped(plan.loaded):
        files |= {f"suite/{place}": content for place, content in _users_files(plan)}
    return files


def suite_place(results: Results) -> str:
    """Where the suite's file is in an export: under a name by which it is called as it was. A
    report that others wrote may say anything: a name that no suite can have is not taken.
    """
    name = results.suite_name
    return f"suite/{file_slug(name) if unfit(name) else name}.yaml"


def environment_files(results: Results) -> dict[str, str]:
    """Versions and hardware as the report recorded them, and the packages as requirements of pip,
    without the suffix of a local build: torch 2.11.0+cu128 is torch==2.11.0.
    """
    facts = dict(results.environment)
    packages = [
        f"{name}=={text.partition('+')[0]}"
        for name, text in facts.items()
        if name not in NO_PACKAGES and PACKAGE.fullmatch(name) and VERSION.fullmatch(text)
    ]
    origin = f"harness {facts.get('harness', '?')}, commit {facts.get('harness commit', '?')}"
    lines = [
        f"# Python {_line(facts.get('python', '?'))}; {_line(origin)}, from its repository.",
        *packages,
    ]
    document = json.dumps(facts, indent=1, ensure_ascii=False)
    return {
        "environment/environment.json": f"{document}\n",
        "environment/requirements.txt": "\n".join(lines) + "\n",
    }


def rerun_script(results: Results) -> str:
    """A shell script beside the files that runs the suite again, into a folder `rerun`."""
    overrides = [
        word
        for name, value in results.overrides.items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    command = shlex.join(["run", suite_place(results), *overrides, "--output", "rerun"])
    return f"""#!/bin/sh
# Runs the suite again and writes its report into rerun/. Options of `harness run` may follow;
# HARNESS="python -m harness" names another command.
set -eu
cd "$(dirname "$0")"
harness=${{HARNESS:-harness}}
if ! $harness --version >/dev/null 2>&1; then
    echo "no harness: environment/requirements.txt lists what it ran with" >&2
    exit 1
fi
exec $harness {command} "$@"
"""


def _line(text: str) -> str:
    return " ".join(text.split())


def _is_recipe_file(name: str) -> bool:
    """Whether a model's name is a file below the suite's folder, and leads nowhere else."""
    path = PurePosixPath(name)
    is_below = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    return is_below and name.endswith((".yaml", ".yml")) and name.isprintable()


def _users_files(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """What lies beside the suite's file and belongs to it, by its place from there."""
    folder = plan.loaded.folder.resolve()
    claims = {place.file for place in plan.loaded.document.places.values()}
    recipes = {file for recipe in plan.recipes.values() for file in recipe.sources}
    others = {Path(file) for file in _module_files(sys.modules)}
    for file in sorted((claims - {plan.loaded.document.path}) | recipes | others):
        path = file.resolve()
        is_own = path.is_relative_to(folder) and "site-packages" not in path.parts
        if is_own and path.is_file() and path.stat().st_size <= LARGEST:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _module_files(modules: Mapping[str, object]) -> Iterator[str]:
    """The files of loaded modules other than the harness's. Planning has imported all that a suite
    names.
    """
    for name, module in list(modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] not in ("harness", "__main__", "conftest"):
            yield file
