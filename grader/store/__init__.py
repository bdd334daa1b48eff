"""The database: the truth about who handed in what, when, and how it was graded."""
