"""What earlier loads contained, the overrides that were recorded, and the frozen reference."""
