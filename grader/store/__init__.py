"""The database: courses, people, submissions, gradings and marks. Only this package uses SQL."""
