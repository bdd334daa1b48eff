"""The kit's checks of models, on a linear classifier: a right one passes all of them, each wrong one fails its own."""

import numpy as np
import pytest

from grader import nets
from tests.unit.nets.linear import LINEAR, SHAPES, TRAINER, TRUTH, Linear, drawn, own_verdict, student, verdict

TOY = LINEAR.make(
    (4, 3), {"W": np.linspace(-1, 1, 12).reshape(4, 3) ** 3, "b": np.zeros(3)}, np.vander([0.1, 0.3, 0.5, 0.7, 0.9], 4),
    np.array([0, 1, 2, 2, 1]), 0.1,
)  # fmt: skip
LOSS, GRADIENTS = nets.LossChecks(), nets.GradientChecks()
STEP = {"num_iters": 1, "batch_size": 100, "learning_rate": 0.1, "learning_rate_decay": 1.0}


def recipe(num_iters, batch_size, learning_rate, decay=1.0):
    return {
        "num_iters": num_iters,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "learning_rate_decay": decay,
    }


def moved(student, training):
    return nets.trained_parameters(TRAINER, student, training, name="batches", given=[])


def again(student, training):
    model = nets.Model(student, training.problem)
    yield from nets.trained_parameters(TRAINER, student, training, name="again", given=[], model=model)
    yield from nets.trained_again(training, model, name="again", given=[])


def negated(problem):
    return problem.at({name: -value for name, value in problem.params.items()})


def short(pair):
    return nets.Training(pair.second, pair.second.X, pair.second.y, STEP)


def pairs(count):
    return nets.pairs(LINEAR, count, shapes=SHAPES)


NEAR_TOY = nets.moved_a_little(TOY, b=0.01)
SEVERAL = nets.trainings(LINEAR, 0.3, 0.0, shapes=SHAPES, **recipe(9, 4, 0.4, 0.8))
CHECKS = {
    "loss": (pairs(3), LOSS.fresh),
    "published": (NEAR_TOY, lambda s, nearby: LOSS.published(s, TOY, nearby, tolerance=1e-6)),
    "scores": (pairs(2), lambda s, pair: nets.fresh_scores(s, pair.first)),
    "new": (pairs(1), lambda s, pair: nets.new_parameters(s, pair.first, advice="Check __init__.")),
    "stable": (nets.large_scores(LINEAR, "W", shapes=SHAPES[:2]), lambda s, problem: LOSS.stable(s, problem, bias="b")),
    "gradients": (pairs(3), GRADIENTS.fresh),
    "numerical": (NEAR_TOY, lambda s, _: GRADIENTS.numerical(s, TOY, losses=[])),
    "batches": (SEVERAL, moved),
    "again": (SEVERAL, again),
    "size": (
        nets.examples_of_one_class(LINEAR, (4, 3, 4), **recipe(2, 2, 0.8)),
        lambda s, training: nets.batch_size(s, training, name="size", given=[]),
    ),
    "order": (
        nets.examples_of_one_class(LINEAR, (4, 3, 12), **recipe(6, 2, 0.8)),
        lambda s, training: nets.at_random(s, training, name="order", given=[]),
    ),
    "label": (
        nets.by_heart(LINEAR, (24, 3, 24), **recipe(480, 8, 5.0)),
        lambda s, training: nets.own_label(s, training, "W", name="label", given=[]),
    ),
    "histories": (
        nets.trainings(LINEAR, 0.3, 0.0, shapes=SHAPES, **recipe(4, 12, 0.5, 0.8)),
        lambda s, training: nets.histories(TRAINER, s, training, given=[]),
    ),
    "predict": (
        nets.predictions(LINEAR, shapes=SHAPES), lambda s, pair: nets.predicted(s, pair, short(pair), given=[])
    ),
}  # fmt: skip


def lost_by(model):
    return {name for name, (each, ask) in CHECKS.items() if not verdict(model, each, ask).holds}


def test_a_right_model_passes_everything():
    assert lost_by(Linear) == set()


def test_a_right_model_in_single_precision_passes_everything():
    class Single(Linear):
        def loss(self, X, y=None, reg=0.0):
            self.params = {name: value.astype(np.float32) for name, value in self.params.items()}
            return super().loss(X.astype(np.float32), y, reg)

    assert lost_by(Single) <= {"numerical"}  # single precision cannot be differenced with steps of 1e-5


def test_shapes_are_no_advice_where_no_model_can_be_made():
    class Unmade(Linear):
        def __init__(self, *sizes, **options):
            raise SyntaxError("'(' was never closed")

    failure = verdict(Unmade, *CHECKS["new"])
    assert "was never closed" in failure.reason
    assert failure.cause == ""


class NoPenalty(Linear):
    def loss(self, X, y=None, reg=0.0):
        return super().loss(X, y, 0.0)


class Kept(Linear):
    """Divides by the size of the first batch."""

    def loss(self, X, y=None, reg=0.0):
        answer = super().loss(X, y, reg)
        if y is None:
            return answer
        self.N = getattr(self, "N", len(X))
        return len(X) / self.N * answer[0], {name: len(X) / self.N * g for name, g in answer[1].items()}


class Unstable(Linear):
    def loss(self, X, y=None, reg=0.0):
        answer = super().loss(X, y, reg)
        if y is None:
            return answer
        p = np.exp(X @ self.params["W"] + self.params["b"])
        p /= p.sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(y)), y]).mean() + reg * (self.params["W"] ** 2).sum(), answer[1]


class Summed(Linear):
    def loss(self, X, y=None, reg=0.0):
        answer = super().loss(X, y, reg)
        return answer if y is None else (answer[0], {**answer[1], "b": len(y) * answer[1]["b"]})


class Transposed(Linear):
    def __init__(self, D, C, std=0.1):
        super().__init__(C, D, std)


class StandsStill(Linear):
    """Hardly changes where it is differenced, by less than the tolerance of the loss itself."""

    def loss(self, X, y=None, reg=0.0):
        answer = super().loss(X, y, reg)
        return answer if y is None else (round(answer[0], 5), answer[1])


class Squares(Linear):
    """Every second training has another learning rate."""

    def train(self, *args, learning_rate=1e-3, **options):
        Squares.count = getattr(Squares, "count", 0) + 1
        return super().train(*args, learning_rate=learning_rate * (1 + Squares.count % 2), **options)


class InOrder(Linear):
    def rows(self, N, batch_size):
        self.at = getattr(self, "at", -batch_size) + batch_size
        return np.arange(self.at, self.at + batch_size) % N


class FirstRows(Linear):
    def rows(self, N, batch_size):
        return self.random.choice(min(N, max(N // 3, 1)), batch_size)


class LargerBatches(Linear):
    def rows(self, N, batch_size):
        return self.random.choice(N, 2 * batch_size, replace=2 * batch_size > N)


class OtherLabels(Linear):
    def train(self, X, y, *rest, **options):
        return super().train(X, np.roll(y, 1), *rest, **options)


class LossOfNothing(Linear):
    def train(self, *args, **options):
        return {**super().train(*args, **options), "loss_history": []}


class Invented(Linear):
    def train(self, *args, **options):
        stats = super().train(*args, **options)
        return {**stats, "train_acc_history": [0.999] * len(stats["train_acc_history"])}


class Worst(Linear):
    def predict(self, X):
        return self.loss(X).argmin(axis=1)


@pytest.mark.parametrize(
    ("wrong", "by"),
    [
        (NoPenalty, {"loss", "published", "gradients", "batches"}),
        (Kept, {"loss", "gradients"}),
        (Unstable, {"stable"}),
        (Summed, {"gradients", "numerical", "batches"}),
        (Transposed, {"new"}),
        (StandsStill, {"numerical"}),
        (Squares, {"again"}),
        (InOrder, {"order"}),
        (FirstRows, {"label"}),
        (LargerBatches, {"size"}),
        (OtherLabels, {"label"}),
        (LossOfNothing, {"histories"}),
        (Invented, {"histories"}),
        (Worst, {"predict", "histories"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_model_fails(wrong, by):
    assert by <= lost_by(wrong)


# ── what the truth is asked ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "most_losses"), [("label", 10), ("size", 20)])
def test_a_truth_trains_only_as_far_as_it_is_needed(name, most_losses):
    """Whole, the training on random labels has 480 steps, and all 100 pairs of two batches have 200."""

    class Counted(Linear):
        losses = 0

        def loss(self, X, y=None, reg=0.0):
            Counted.losses += 1
            return super().loss(X, y, reg)

    each, ask = CHECKS[name]
    (training,) = drawn(each)
    with student(InOrder) as asked:
        (claim,) = ask(asked, training)
        assert claim.judge(nets.ModelTruth(Counted)).holds
    assert 0 < Counted.losses <= most_losses


def test_a_truth_constructs_a_model_of_each_size_once():
    class Counted(Linear):
        made = 0

        def __init__(self, *sizes, **options):
            Counted.made += 1
            super().__init__(*sizes, **options)

    truth, (training, _) = nets.ModelTruth(Counted), drawn(SEVERAL)
    assert truth.loss(training.problem) == TRUTH.loss(training.problem)
    truth.trained(training)
    assert Counted.made == 1
    assert truth.loss(training.problem.at({})) == TRUTH.loss(training.problem)  # no model keeps another's parameters
    assert truth.loss(TOY) == TRUTH.loss(TOY)
    assert Counted.made == 2
    assert nets.ModelTruth(Counted).loss(TOY) == TRUTH.loss(TOY)  # another grading
    assert Counted.made == 2


def test_a_training_is_run_again_only_if_it_has_changed_its_arrays():
    class Counted(Linear):
        trained = 0

        def train(self, *data, **recipe):
            type(self).trained += 1
            return super().train(*data, **recipe)

    class Shifting(Counted):
        trained = 0

        def train(self, X, *data, **recipe):
            X += 0.5
            return super().train(X, *data, **recipe)

    training, _ = drawn(SEVERAL)
    truth = nets.ModelTruth(Counted)
    (params, _), params_again = truth.trained(training), truth.trained_again(training)
    assert all(np.array_equal(params_again[name], value) for name, value in params.items())
    assert Counted.trained == 1
    shifting = nets.ModelTruth(Shifting)
    (params, _), params_again = shifting.trained(training), shifting.trained_again(training)
    assert not np.allclose(params_again["W"], params["W"])
    assert Shifting.trained == 2


# ── problems ─────────────────────────────────────────────────────────────────────────────────────────


def test_rates_decay_after_each_epoch_whichever_way_it_is_counted():
    problem = TOY.rows(slice(4))
    by_epochs = nets.Training(problem, problem.X, problem.y, {**recipe(0, 2, 1.0, 0.5), "num_epochs": 2})
    by_steps = nets.Training(problem, problem.X, problem.y, recipe(5, 2, 1.0, 0.5))
    assert by_epochs.rates() == [1.0, 1.0, 0.5, 0.5]
    assert by_steps.rates() == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert (by_steps.epochs, by_steps.recorded, by_steps.lasting(1).iterations) == (2, 2, 2)


# ── what follows ─────────────────────────────────────────────────────────────────────────────────────


def test_a_training_follows_from_the_students_own_gradients():
    assert own_verdict(Summed, *CHECKS["batches"], ["q1.gradients"]).holds


def test_a_training_follows_from_no_gradients_that_ignore_the_data():
    class Constant(Linear):
        def loss(self, X, y=None, reg=0.0):
            answer = super().loss(X, y, reg)
            return answer if y is None else (answer[0], {"W": np.ones_like(self.params["W"]), "b": answer[1]["b"]})

    def ask(student, training):
        return nets.trained_parameters(TRAINER, student, training, name="batches", given=[], uses_data=True)

    assert not own_verdict(Constant, SEVERAL, ask, ["q1.gradients"]).holds


def test_a_loss_follows_from_the_students_own_scores():
    class NoBias(Linear):
        def loss(self, X, y=None, reg=0.0):
            bias, self.params["b"] = self.params["b"], 0 * self.params["b"]
            answer = super().loss(X, y, reg)
            self.params["b"] = bias
            return answer

    assert own_verdict(NoBias, *CHECKS["loss"], ["q1.scores"]).holds
    assert own_verdict(NoBias, *CHECKS["predict"], ["q1.scores"]).holds


def test_no_loss_follows_from_scores_that_are_constant():
    class Constant(Linear):
        def loss(self, X, y=None, reg=0.0):
            return super().loss(0 * X, y, reg)

    assert not own_verdict(Constant, *CHECKS["loss"], ["q1.scores"]).holds
