"""Workers: they take jobs from the queue, grade them in separate processes, and store the reports."""
