"""A whole class: from what a learning platform exports to a gradebook that it imports."""
