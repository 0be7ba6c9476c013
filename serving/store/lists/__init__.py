"""Issued lists in the store: which they are, which of them count, their rows and figures."""
