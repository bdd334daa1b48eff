"""Grade a whole class: from the export of a learning platform to a gradebook that the platform can import.

Terms:

export: the folder or zip of all submissions that a learning platform offers for download.
place: the path of a submission in the export; it identifies the submission.
roster: the file with the students of the class.
key: the name of a student's folder in the output folder; it identifies the student.
content: a hash of everything in a submission that affects the report. Submissions with equal content are graded once.
receipt: the facts of a submission that was read, or the reason why it cannot be read.
standing: the state of a student's result, such as graded, missing or unreadable.
opinion: the automatic comparison of a written answer's formulas, for markers; students do not see it.
"""
