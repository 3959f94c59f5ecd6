"""What every package imports: errors, table rows, protocols, registries, seeds, files."""
