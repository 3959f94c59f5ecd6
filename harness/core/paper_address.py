"""Addresses of papers, by the numbers that citations name."""

from __future__ import annotations

_PAGES = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}


def paper_address(identifier: str) -> str:
    """Returns the address of a paper's page; any text that is no number of a paper comes back as it
    is.

    >>> paper_address("arXiv:1712.04086"), paper_address("https://example.org/paper")
    ('https://arxiv.org/abs/1712.04086', 'https://example.org/paper')
    """
    scheme, _, number = identifier.partition(":")
    return f"{_PAGES[scheme]}{number}" if scheme in _PAGES else identifier
