"""Draws the slides of a template with Pillow: shapes, pictures and text at any screen size, the same every time."""
