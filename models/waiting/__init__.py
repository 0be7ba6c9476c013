"""When customers order next: waiting times that follow the season and agree with past days."""
