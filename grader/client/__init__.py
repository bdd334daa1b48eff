"""The students' client of the service: it stores the login and sends requests. It needs no packages of the server."""
