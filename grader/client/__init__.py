"""A client of the service for students: the stored login, and requests. It needs no packages of the server."""
