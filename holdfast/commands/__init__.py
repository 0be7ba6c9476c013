"""The commands, one module each, with NAME, EXAMPLE and the function `command`.

A command imports what it runs inside the function, so that `--help` is quick and `serve` does not import mlflow.
"""
