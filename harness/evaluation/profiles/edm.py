"""The FID of EDM's `fid.py` (Karras et al. 2022, arXiv:2206.00364)."""

from __future__ import annotations

from harness.evaluation.profiles.base import make_profile, variant

PROFILE = make_profile("edm", "2022", [variant("fid")], {"extractor": "inception"})
