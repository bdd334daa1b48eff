"""Marking of written answers: groups of answers, marking status, agreement between markers, and marking offline."""
