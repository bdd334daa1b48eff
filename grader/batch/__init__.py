"""Grade a whole class: from the export of a learning platform to a gradebook that it can import."""
