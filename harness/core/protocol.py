"""How a number was measured. Numbers are compared only within one protocol."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class Protocol:
    """Everything besides the model that a measured value depends on.

    Empty fields do not apply to the metric. `settings` are the metric's own constants (k of a
    nearest-neighbour metric, subset sizes, splits), as they appear in the label.
    """

    metric: str
    version: int = 1
    dataset: str = ""
    extractor: str = ""
    preprocessing: str = ""
    quantisation: str = ""
    samples: int | None = None
    reference: int | None = None
    split: str = ""
    reference_digest: str = ""
    settings: dict[str, str | int | float] = field(default_factory=dict)

    def label(self) -> str:
        """For people: `fid[inception-tf2015@6726825d, tf1-bilinear, u8, n=10000/10000 test]`."""
        parts = [self.extractor, self.preprocessing, self.quantisation, self._counts()]
        parts += [f"{name}={value}" for name, value in self.settings.items()]
        parts += [f"v{self.version}"] if self.version > 1 else []
        how = ", ".join(part for part in parts if part)
        return f"{self.metric}[{how}]" if how else self.metric

    def _counts(self) -> str:
        counts = "/".join(str(n) for n in (self.samples, self.reference) if n is not None)
        return f"n={counts} {self.split}".strip() if counts else self.split

    def key(self) -> str:
        """A digest of every field: 16 hexadecimal digits."""
        return self._key

    @cached_property  # a suite has few protocols and many numbers
    def _key(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def differs(self, other: Protocol) -> list[str]:
        """The names of the fields that keep two numbers from being compared."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Protocol:
        """The inverse of `to_dict`. Raises ValueError or TypeError where it is no protocol.

        A field that only a newer version has is kept among the settings where it says something:
        a number that was measured another way must not pass for one of this version's.
        """
        if not isinstance(values, dict) or not isinstance(values.get("settings", {}), dict):
            raise ValueError("its protocol is no JSON object")
        names = {f.name for f in fields(cls)}
        known_values = {name: value for name, value in values.items() if name in names}
        newer = {name: value for name, value in values.items() if name not in names and value}
        settings = {**known_values.pop("settings", {}), **newer}
        for name, value in settings.items():
            if not isinstance(value, str | int | float | None):
                raise ValueError(f"setting {name} is {value!r}")
        try:
            _PROTOCOL.validate_json(json.dumps(known_values), strict=True)
        except ValidationError as error:
            wrong = error.errors()[0]
            field = ".".join(map(str, wrong["loc"]))
            raise ValueError(f"{field} of its protocol: {wrong['msg']}") from None
        return cls(**known_values, settings=settings)


_PROTOCOL = TypeAdapter(Protocol)
