"""People reading written answers: what their readings decide, what is left to read, and doing it offline."""
