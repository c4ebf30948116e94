"""The operator's YAML becomes `core.config`; every problem of all files is told at once, by file, line and column."""
