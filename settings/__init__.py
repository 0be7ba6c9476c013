"""Configuration: one TOML file to frozen dataclasses. Imports nothing else of the project."""
