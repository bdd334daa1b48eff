"""Checks of models that are trained with gradients: `from grader import nets`, beside `from grader import kit`.

A model is an object with a dict `params`, and the methods `loss`, `train` and `predict`. Assignments on other code do
not need this package. Terms in this package, beside those of `grader.kit`:
    problem: The parameters of a model, and a batch for it.
    training: The arguments of a call of `train`.
    follow-through: A later result is judged by the student's own earlier results, for example a gradient by the
        student's own scores, because one cause costs its points once.
"""

from grader.nets.accuracy import DataSet as DataSet
from grader.nets.accuracy import LongTraining as LongTraining
from grader.nets.accuracy import learns as learns
from grader.nets.losses import STABLE as STABLE
from grader.nets.losses import GradientChecks as GradientChecks
from grader.nets.losses import LossChecks as LossChecks
from grader.nets.losses import fresh_scores as fresh_scores
from grader.nets.losses import new_parameters as new_parameters
from grader.nets.model_truth import ModelTruth as ModelTruth
from grader.nets.model_truth import copied as copied
from grader.nets.models import Model as Model
from grader.nets.models import floats_of as floats_of
from grader.nets.models import is_near as is_near
from grader.nets.models import last_of as last_of
from grader.nets.own_answers import OwnAnswers as OwnAnswers
from grader.nets.own_answers import ProblemAnswer as ProblemAnswer
from grader.nets.own_answers import all_gradients_follow as all_gradients_follow
from grader.nets.own_answers import depend_on_data as depend_on_data
from grader.nets.own_answers import gradient_follows as gradient_follows
from grader.nets.own_answers import gradients_use_data as gradients_use_data
from grader.nets.own_answers import own_probabilities as own_probabilities
from grader.nets.own_answers import raw_gradients as raw_gradients
from grader.nets.own_answers import right_for_own_scores as right_for_own_scores
from grader.nets.own_answers import scores_are_right as scores_are_right
from grader.nets.own_trainings import OwnTrainings as OwnTrainings
from grader.nets.own_trainings import Trainer as Trainer
from grader.nets.own_trainings import share_of_right as share_of_right
from grader.nets.own_trainings import train_by_constants as train_by_constants
from grader.nets.plots import CURVES as CURVES
from grader.nets.problems import SHAPES as SHAPES
from grader.nets.problems import ModelSpec as ModelSpec
from grader.nets.problems import Pair as Pair
from grader.nets.problems import Params as Params
from grader.nets.problems import Problem as Problem
from grader.nets.problems import Training as Training
from grader.nets.problems import by_heart as by_heart
from grader.nets.problems import draw_inputs as draw_inputs
from grader.nets.problems import draw_labels as draw_labels
from grader.nets.problems import examples_of_one_class as examples_of_one_class
from grader.nets.problems import identical_rows as identical_rows
from grader.nets.problems import large_scores as large_scores
from grader.nets.problems import moved_a_little as moved_a_little
from grader.nets.problems import on_the_identity as on_the_identity
from grader.nets.problems import pairs as pairs
from grader.nets.problems import predictions as predictions
from grader.nets.problems import trainings as trainings
from grader.nets.train_results import train as train
from grader.nets.training import are_no_labels as are_no_labels
from grader.nets.training import at_random as at_random
from grader.nets.training import batch_size as batch_size
from grader.nets.training import claim_on_batches as claim_on_batches
from grader.nets.training import histories as histories
from grader.nets.training import own_label as own_label
from grader.nets.training import predicted as predicted
from grader.nets.training import rows_moved as rows_moved
from grader.nets.training import trained_again as trained_again
from grader.nets.training import trained_parameters as trained_parameters
from grader.sandbox.contract import Array as Array
