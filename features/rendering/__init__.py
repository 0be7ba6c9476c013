"""Charts, templates and styles that every page and picture shares."""
