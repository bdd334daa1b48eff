"""From the queue to a grading process and back into the store."""
