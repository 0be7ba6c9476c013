"""Erasure, and the workspace key that customer ids are hashed with."""
