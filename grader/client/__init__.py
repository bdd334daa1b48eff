"""A client of the service for students. It stores the login and sends requests, without packages of the server."""
