import numpy as np

from grader.kit.answer import Answer
from grader.nets.plots import CURVES, MOST_POINTS, confusion, curve, grey

LOSS = CURVES["loss_history"]


def test_weights_that_overflow_are_shown_without_a_warning():
    with np.errstate(all="ignore"):  # as where it is called
        assert grey(np.array([[1e308, -1e308], [0.0, 1.0]]))[1].tolist() == [0, 255]


def test_long_histories_are_thinned():
    thinned = curve(Answer("loss_history", np.arange(10 * MOST_POINTS + 1.0)), LOSS)
    assert thinned is not None
    assert (len(thinned.values) <= MOST_POINTS, thinned.step, thinned.values[1]) == (True, 11, 11.0)


def test_what_is_no_history_is_no_curve():
    assert curve(Answer("loss_history", {"loss": 1.0}), LOSS) is None
    assert curve(Answer("loss_history", np.zeros((2, 2))), LOSS) is None


def test_rows_of_the_confusion_matrix_are_the_right_classes():
    assert confusion(np.array([0, 0, 1]), np.array([1, 0, 1]), 2).counts == ((1, 1), (0, 1))
