"""One module per command: NAME, EXAMPLE and `command`.

Each imports what it runs inside the function, so that `--help` answers at once and `serve` stays free of mlflow.
"""
