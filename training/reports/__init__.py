"""Pictures and pages about models."""
