"""Shared by all routes and pages: authentication, limits, errors, logs, metrics and downloads."""
