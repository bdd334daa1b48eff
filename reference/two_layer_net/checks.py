"""The checks of the two-layer network. Every sentence in quotes is the handout's."""

from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from grader import kit, nets

FORWARD, BACKWARD = ("forward", "loss"), ("forward", "loss", "backward")
TRAINING, HISTORIES = ("training", "forward"), ("histories", "training", "forward")


@dataclass(frozen=True, eq=False)
class Training(nets.Training):
    """The learning rate decays, and accuracies are recorded, after the first step of an epoch (moment 0), its last (1),
    or its first but that of the first epoch (2)."""

    moment: int = 0

    def ends_epoch(self, step):
        return (step + (self.moment == 1)) % self.steps == 0 and not (self.moment == 2 and step == 0)

    def rates(self):
        decays = [self.recipe["learning_rate_decay"] if self.ends_epoch(n) else 1 for n in range(self.iterations)]
        return (self.recipe["learning_rate"] * np.cumprod([1, *decays[:-1]])).tolist()

    def at_each_moment(self):
        return [replace(self, moment=moment) for moment in range(3)]


def shapes(D, H, C):
    return {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}


NETS = nets.ModelSpec(shapes, {"std": 0.1}, training=Training)
LOSS, GRADIENTS = nets.LossChecks(), nets.GradientChecks(given=("q1",))
TRAINER = nets.Trainer(losses=("q1", "q2"), decay="q3.decay", predict="q3.predict")
BEFORE = ("q1", "q2")


@cache
def toy():
    """Return the handout's toy problem: seed 0 before the net, seed 1 before the data."""
    net, data = np.random.RandomState(0), np.random.RandomState(1)
    params = {"W1": 0.1 * net.randn(4, 10), "b1": np.zeros(10), "W2": 0.1 * net.randn(10, 3), "b2": np.zeros(3)}
    return NETS.make((4, 10, 3), params, 10 * data.randn(5, 4), np.array([0, 1, 2, 2, 1]), 0.05)


def either(ways):
    """Yield claims that hold if those of any way do, for what the handout leaves open. All ways have the same claims.
    If none holds, the verdict of the first way counts."""
    for claims in zip(*ways, strict=True):
        judges = {
            name: partial(first_that_holds, [getattr(claim, name) for claim in claims])
            for name in ("judge", "own", "own_work")
            if getattr(claims[0], name)
        }
        yield replace(claims[0], **judges)


def first_that_holds(judges, *arguments):
    verdicts = []
    for judge in judges:
        verdicts.append(judge(*arguments))
        if verdicts[-1].holds:
            return verdicts[-1]
    return verdicts[0]


@kit.check("q1", each=nets.pairs(NETS, 4), topics=FORWARD, settles=True)
def scores(student, pair):
    """Scores, fresh problems

    "Without labels, loss returns the scores, of shape (N, C)."
    """
    yield from nets.fresh_scores(student, pair.first)


@kit.check("q1", each=nets.pairs(NETS, 4), topics=FORWARD)
def parameters(student, pair):
    """Shapes of a new net's parameters

    "W1 has shape (D, H), b1 (H,), W2 (H, C) and b2 (C,)."
    """
    advice = "Check __init__: W1 (D, H), b1 (H,), W2 (H, C), b2 (C,)."
    yield from nets.new_parameters(student, pair.first, advice=advice)


@kit.check("q1", each=nets.pairs(NETS, 6), topics=FORWARD, settles=True)
def loss(student, pair):
    """Loss, fresh problems

    "The loss is the mean softmax cross-entropy plus reg times the sum of the squares of W1 and W2."
    """
    yield from LOSS.fresh(student, pair, given=["q1.scores"])


@kit.check("q1", each=nets.moved_a_little(toy(), b2=0.01), handout=True, topics=FORWARD)
def toy_loss(student, nearby):
    """Loss of the toy problem

    "On the toy data the loss is about 1.30378789133."
    """
    yield from LOSS.published(student, toy(), nearby, tolerance=1e-6, name="loss", given=["q1.scores"])


@kit.check("q2", each=nets.pairs(NETS, 5), topics=BACKWARD, settles=True)
def gradients(student, pair):
    """Gradient of {name}, fresh problems

    "With labels, loss returns the loss and a dict of its gradients, under the parameters' names."
    """
    yield from GRADIENTS.fresh(student, pair)


@kit.check("q2", handout=True, topics=BACKWARD)
def toy_gradients(student):
    """Gradient of {name}, toy problem

    "Compare your gradients with numerical ones": the handout's own check.
    """
    yield from GRADIENTS.numerical(student, toy(), losses=["q1.loss"])


def trained(name, student, training, given, **options):
    yield from nets.trained_parameters(TRAINER, student, training, name=name, given=given, **options)


ONE_BATCH = {"num_iters": 1, "batch_size": 12, "learning_rate": 0.4, "learning_rate_decay": 0.9}


@kit.check("q3", each=nets.trainings(NETS, 0.3, 0.0, 20.0, **ONE_BATCH), topics=TRAINING)
def step(student, training):
    """Parameters after one training step

    "Each iteration moves every parameter by -learning_rate times its gradient."
    """
    yield from trained("step", student, training, BEFORE)


SEVERAL = {"num_iters": 9, "batch_size": 4, "learning_rate": 0.2, "learning_rate_decay": 1.0}


@kit.check("q3", each=nets.trainings(NETS, 0.3, 0.0, **SEVERAL), topics=TRAINING)
def batches(student, training):
    """Parameters after several steps

    "Stochastic gradient descent on minibatches": at one learning rate, and the same once more.
    """
    given, model = (*BEFORE, "q3.step"), nets.Model(student, training.problem)
    yield from trained("batches", student, training, given, model=model, uses_data=True)
    yield from nets.trained_again(training, model, name="batches", given=given)


TWO_A_STEP = {"batch_size": 2, "learning_rate": 0.3, "learning_rate_decay": 1.0}


def of_one_class(draw, truth):
    """Draw so few examples that all ends can be followed, then so many that chance does not order them."""
    for N in (4, 12):
        yield from nets.examples_of_one_class(NETS, (4, 5, 3, N), num_iters=N // 2, **TWO_A_STEP)(draw, truth)


@kit.check("q3", each=of_one_class, topics=TRAINING)
def drawn(student, training):
    """Examples in a batch

    "Draw batch_size examples at random" for each step.
    """
    claims = nets.batch_size if training.iterations == 2 else nets.at_random
    yield from claims(student, training, name="batches", given=(*BEFORE, "q3.step"))


BY_HEART = {"num_iters": 300, "batch_size": 8, "learning_rate": 1.0, "learning_rate_decay": 1.0}


@kit.check("q3", each=nets.by_heart(NETS, (24, 16, 3, 24), **BY_HEART), topics=TRAINING)
def own_label(student, training):
    """Labels that the examples are trained with

    "X_batch and y_batch": every example is used and is learnt with its own label. Labels are "whole numbers from 0 to
    C - 1", of which a batch need not have all.
    """
    yield from nets.own_label(student, training, "W1", name="batches", given=(*BEFORE, "q3.step"))


DECAYING = {"num_iters": 9, "learning_rate": 0.3, "learning_rate_decay": 0.6}


def decaying(draw, truth):
    """Draw trainings of one step an epoch, with more rows a batch than there are as on the toy data, and of three."""
    for batch_size in (200, 4):
        yield from nets.trainings(NETS, 0.3, batch_size=batch_size, **DECAYING)(draw, truth)


@kit.check("q3", each=decaying, topics=TRAINING)
def decay(student, training):
    """Parameters after epochs with a decaying learning rate

    "After each epoch the learning rate is multiplied by learning_rate_decay": at whatever step of the epoch.
    """
    ways = (trained("decay", student, t, (*BEFORE, "q3.step", "q3.batches")) for t in training.at_each_moment())
    yield from either(ways)


@kit.check("q3", each=nets.predictions(NETS), topics=("predict",))
def predict(student, pair):
    """Labels from predict

    "predict returns for each row of X the label with the largest score."
    """
    training = Training(pair.second, pair.second.X, pair.second.y, {**ONE_BATCH, "batch_size": len(pair.second.X)})
    yield from nets.predicted(student, pair, training, given=["q1"])


RECORDED = {"num_iters": 6, "batch_size": 12, "learning_rate": 0.04, "learning_rate_decay": 1.0, "verbose": True}


@kit.check("q3", each=nets.trainings(NETS, 0.3, 0.0, **RECORDED), topics=HISTORIES)
def histories(student, training):
    """Histories from train

    "train returns loss_history, with the loss of each iteration, and train_acc_history and val_acc_history, with
    the accuracies of each epoch": of all epochs, or without the first iteration's.
    """
    given = (*BEFORE, "q3.step", "q3.batches", "q3.predict")
    moments = training.at_each_moment()
    yield from either(nets.histories(TRAINER, student, t, given=given) for t in moments)
