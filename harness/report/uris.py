"""How to look at a tracking store, as a page may say it."""

from __future__ import annotations

import shlex

from harness.tracking import Store


def browse(store: Store) -> str:
    """The command, or for a server the address, that shows a store's runs; without passwords."""
    if store.address.is_server:
        return store.name
    return shlex.join(["mlflow", "ui", "--backend-store-uri", store.name])
