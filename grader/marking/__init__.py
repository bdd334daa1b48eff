"""Marking of written answers: groups of answers, marking status, agreement between markers, and marking offline.

Terms:

marker: a member of staff who marks answers.
mark: the points that a marker gives to the text of an answer, as rubric items and an adjustment, with a comment.
rubric item: a reason for points, such as a common mistake, that markers apply to answers.
moderator: a third marker, who decides if two markers disagree on the points.
suggestion: points that the grader proposes after comparing the answer's formulas.
grounds: the comparisons behind a suggestion, one for each formula that the question asks for.
group: answers that mean the same, because their final formulas have the same value, or because markers merged them.
shelf: a category of groups, such as "Right value" or "Not read". Markers see the groups sorted by shelf.
regrouping: merging two groups, or taking an answer out of its group.
"""
