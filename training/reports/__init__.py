"""Charts and HTML pages about models."""
