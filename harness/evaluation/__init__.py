"""The evidence on a model or on sets of images, computed once and shared by all metrics.

Every module of this package is imported, so that all evidence that they declare is known.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
