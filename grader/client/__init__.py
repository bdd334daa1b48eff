"""A client of the service, for students: where it is, the token, and its requests. It needs no package of a server."""
