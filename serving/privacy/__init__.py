"""Objections and erasure, and the workspace's secret, with which customer ids are hashed."""
