"""What every route and page shares: authentication, limits, errors, logs, metrics and downloads."""
