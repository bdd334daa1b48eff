"""The author's API for an assignment's checks: `from grader import kit`.

Terms in this package:
    answer: The value that a call of the student's code returned, or the call's failure.
    truth: An object that computes the right results, for example `truth.loss(problem)`. A truth can contain known
        mistakes; it then computes what code with these mistakes returns.
    check: A generator function that calls the student's code and yields claims. In a report, a check is an item such as
        "q1.loss", which combines all claims with the same name.
    claim: A statement about the student's code. It has a name, and a function that compares answers with a truth and
        returns a verdict.
    charged: A known mistake is charged at the first check that fails because of it; only this check loses points.
    own answers: The student's own, possibly wrong, results of earlier calls. If a later result is right for these, its
        claim keeps its points, because the error comes from the earlier check.
    interpretation: One of several accepted meanings of the task.
    student's pack: The copy of the assignment with which students check their work before they submit. Instead of the
        reference, it contains recorded results of the truth.
"""

from grader.kit.answer import Answer as Answer
from grader.kit.claim import Claim as Claim
from grader.kit.claim import Draw as Draw
from grader.kit.claim import Each as Each
from grader.kit.claim import Holds as Holds
from grader.kit.claim import Verdict as Verdict
from grader.kit.claim import agree as agree
from grader.kit.claim import all_hold as all_hold
from grader.kit.claim import because as because
from grader.kit.claim import check as check
from grader.kit.claim import claim as claim
from grader.kit.claim import either as either
from grader.kit.claim import failed as failed
from grader.kit.claim import ladder as ladder
from grader.kit.claim import near as near
from grader.kit.claim import numbers as numbers
from grader.kit.claim import passed as passed
from grader.kit.diagnosis import Assumptions as Assumptions
from grader.kit.diagnosis import Interpretation as Interpretation
from grader.kit.episodes import Call as Call
from grader.kit.episodes import Episode as Episode
from grader.kit.episodes import play as play
from grader.kit.episodes import same_as_reference as same_as_reference
from grader.kit.examples import around as around
from grader.kit.examples import examples as examples
from grader.kit.exhibits import CURVES as CURVES
from grader.kit.follow import OwnAnswers as OwnAnswers
from grader.kit.follow import ProblemAnswer as ProblemAnswer
from grader.kit.follow import Trainer as Trainer
from grader.kit.follow import all_gradients_follow as all_gradients_follow
from grader.kit.follow import depend_on_data as depend_on_data
from grader.kit.follow import gradient_follows as gradient_follows
from grader.kit.follow import gradients_use_data as gradients_use_data
from grader.kit.follow import own_probabilities as own_probabilities
from grader.kit.follow import raw_gradients as raw_gradients
from grader.kit.follow import right_for_own_scores as right_for_own_scores
from grader.kit.follow import scores_are_right as scores_are_right
from grader.kit.follow import vary as vary
from grader.kit.functions import call_twice as call_twice
from grader.kit.functions import uses as uses
from grader.kit.lines import Batches as Batches
from grader.kit.lines import FollowedCall as FollowedCall
from grader.kit.lines import Line as Line
from grader.kit.lines import Target as Target
from grader.kit.long import DataSet as DataSet
from grader.kit.long import LongTraining as LongTraining
from grader.kit.long import learns as learns
from grader.kit.losses import STABLE as STABLE
from grader.kit.losses import GradientChecks as GradientChecks
from grader.kit.losses import LossChecks as LossChecks
from grader.kit.losses import fresh_scores as fresh_scores
from grader.kit.losses import new_parameters as new_parameters
from grader.kit.mistake import interpretation as interpretation
from grader.kit.mistake import mistake as mistake
from grader.kit.models import Model as Model
from grader.kit.models import array_of as array_of
from grader.kit.models import floats_of as floats_of
from grader.kit.models import is_near as is_near
from grader.kit.problems import SHAPES as SHAPES
from grader.kit.problems import Array as Array
from grader.kit.problems import ModelSpec as ModelSpec
from grader.kit.problems import Pair as Pair
from grader.kit.problems import Params as Params
from grader.kit.problems import Problem as Problem
from grader.kit.problems import Training as Training
from grader.kit.problems import by_heart as by_heart
from grader.kit.problems import examples_of_one_class as examples_of_one_class
from grader.kit.problems import identical_rows as identical_rows
from grader.kit.problems import large_scores as large_scores
from grader.kit.problems import moved_a_little as moved_a_little
from grader.kit.problems import one_epoch as one_epoch
from grader.kit.problems import one_row_an_example as one_row_an_example
from grader.kit.problems import pairs as pairs
from grader.kit.problems import predictions as predictions
from grader.kit.problems import trainings as trainings
from grader.kit.problems import until as until
from grader.kit.settings import settings as settings
from grader.kit.speed import speed_ratio as speed_ratio
from grader.kit.student import Student as Student
from grader.kit.training import accuracies as accuracies
from grader.kit.training import at_random as at_random
from grader.kit.training import batch_size as batch_size
from grader.kit.training import every_example as every_example
from grader.kit.training import histories as histories
from grader.kit.training import own_label as own_label
from grader.kit.training import predicted as predicted
from grader.kit.training import trained_again as trained_again
from grader.kit.training import trained_parameters as trained_parameters
from grader.kit.truth import ModelTruth as ModelTruth
from grader.kit.truth import copied as copied
