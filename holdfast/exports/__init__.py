"""Recognise the exports of shops: which table a file is, what its columns mean, and how its cells are written."""
