"""The check history of earlier loads, the recorded overrides, and the frozen reference."""
