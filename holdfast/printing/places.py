"""Say where something is, without the password to it."""

from settings.urls import HIDDEN, hide_credentials


def mlflow_page(tracking_uri: str) -> str:
    """Return how to see the runs: the address of a tracking server, or the command that shows a database."""
    shown = hide_credentials(tracking_uri)
    if shown.startswith("http"):
        return shown
    return f"mlflow ui --backend-store-uri {shown}" + (f" (with the password in place of {HIDDEN})" if HIDDEN in shown else "")
