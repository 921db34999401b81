"""The `adflux` command."""
