"""Commands for typer from verbs whose parameters are groups: dataclasses of options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import is_dataclass
from typing import Annotated, Any, get_args

import typer


def with_option_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """A command for typer, made of a verb with parameters that are groups: dataclasses of options.

    The command has each option of a group as an option of its own. Arguments come first, then the
    verb's own options, then the options of its groups.
    """

    @functools.wraps(verb)
    def command(**values: Any) -> None:
        verb(**_grouped(verb, values))

    parameters = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in _flat(verb)]
    parameters.sort(key=lambda option: not _is_argument(option))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def with_optional_suite(verb: Callable[..., None]) -> Callable[..., None]:
    """The same as `with_option_groups`, for a verb whose suite may be left out: its name is then
    empty.
    """
    command = with_option_groups(verb)
    parameters = inspect.signature(command).parameters.values()
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [option.replace(default="") if option.name == "suite" else option for option in parameters]
    )
    return command


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function or of a dataclass, groups last."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return sorted(parameters, key=lambda parameter: _group(parameter) is not None)


def _group(parameter: inspect.Parameter) -> type[Any] | None:
    """The dataclass of options that a parameter takes; None where it is an option itself."""
    kind = parameter.annotation
    return kind if isinstance(kind, type) and is_dataclass(kind) else None


def _flat(function: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """The parameters of a function, each group replaced by its options."""
    for parameter in _parameters(function):
        if group := _group(parameter):
            panel = getattr(group, "HELP_PANEL", None)
            yield from (_in_panel(option, panel) for option in _flat(group))
        else:
            yield parameter


def _in_panel(parameter: inspect.Parameter, panel: str | None) -> inspect.Parameter:
    """The option below the heading `panel` of the help, if it has no other heading."""
    kind, info = get_args(parameter.annotation)
    if isinstance(info, typer.models.ArgumentInfo) or info.rich_help_panel:
        return parameter
    info = copy(info)
    info.rich_help_panel = panel
    return parameter.replace(annotation=Annotated[kind, info])


def _grouped(function: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a function, its groups made of the options among `values`."""
    arguments = {}
    for parameter in _parameters(function):
        group = _group(parameter)
        arguments[parameter.name] = (
            group(**_grouped(group, values)) if group else values[parameter.name]
        )
    return arguments


def _is_argument(parameter: inspect.Parameter) -> bool:
    metadata = getattr(parameter.annotation, "__metadata__", ())
    return any(isinstance(info, typer.models.ArgumentInfo) for info in metadata)
