"""The checks of problem set 4, in the order of the handout. Each has a title, and names the sentence of the
handout that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader import nets
from grader.kit import Claim, Draw, Student, Verdict, check, passed
from grader.kit.claim import Holds
from grader.kit.settings import manifest
from grader.model import Curve
from grader.nets import Array, Pair, Training, pairs, trainings

from . import epochs, losses
from .own import OwnAnswers, backward_pass_follows, gradient_follows, relu_loss_follows, trains_alike
from .problems import (
    PARAMETERS,
    RELU,
    SIGMOID,
    Problem,
    as_large_as_mnist,
    first_images,
    mnist,
    near_the_toy,
    one_large_step,
    saturated,
    stretched,
    toy,
)

MANIFEST = manifest(__package__)
TOLERANCE = float(MANIFEST.settings["published"]["tolerance"])
FORWARD, BACKWARD, TRAINING = ("loss", "forward"), ("backward", "loss", "forward"), ("training", "predict", "forward")
HISTORIES = ("histories", "training")
"""Topics of the known mistakes that each kind of check looks for. A mistake in predict is charged before the
histories are judged, and would explain some of their few numbers by chance."""

# ── hints ────────────────────────────────────────────────────────────────────────────────────────────


def _in_loss(holds: Holds) -> str:
    """Narrow down where an undiagnosed loss goes wrong, by the scores that it is computed from."""
    if not holds("scores"):
        return "the scores fail their check as well: correct the forward pass first"
    if holds("loss", "reg = 0") and not holds("loss", "reg > 0"):
        return "the scores and the data loss are right: check the regularisation term"
    return (
        "the scores are right: check the cross-entropy and its mean over the examples, the regularisation term, and "
        "that their sum is what you return"
    )


def _in_relu_loss(holds: Holds) -> str:
    if not all(holds(f"q2.1.{name}") for name in ("published", "scores", "loss")):
        return "with the sigmoid the loss fails its checks as well: correct that first"
    return "the loss is right with the sigmoid: check what is computed only for the ReLU"


def _in_scores(holds: Holds) -> str:
    return "" if holds("scores") else "check the forward pass: X W1 + b1, the activation, then h W2 + b2"


def _in_loss_at_large_scores(holds: Holds) -> str:
    if not holds("scores"):
        return "the scores fail their check as well: correct the forward pass first"
    if not (holds("published") and holds("loss")):
        return "the loss fails its checks at small scores as well: correct that first"
    return ""


def _loss_holds(holds: Holds) -> bool:
    """Return whether the loss is right at scores of ordinary size."""
    return all(holds(id) for id in ("q2.1.published", "q2.1.scores", "q2.1.loss", "q2.4.forward"))


def _in_gradient(name: str, holds: Holds) -> str:
    """Narrow down an undiagnosed gradient by those that are right: each is computed from others."""
    beside = {"W1": "b1", "b1": "W1", "W2": "b2", "b2": "W2"}[name]
    if holds(name, "reg = 0") and not holds(name, "reg > 0"):
        return "without regularisation it is right: check the term with reg"
    if holds(beside):
        of, by = ("scores", "hᵀ") if name in ("W2", "b2") else ("hidden layer", "Xᵀ")
        product = f"the product of {by} with it" if name.startswith("W") else "its sum over the examples"
        product += ", what is added to that, and that it is what you return"
        return f"the gradient of the {of} is right, since that of {beside} is: check {product}"
    if name in ("W1", "b1") and holds("W2") and holds("b2"):
        return (
            "the gradients of W2 and b2 are right: check the gradient of the hidden layer (the step back through W2, "
            "the activation's derivative), and that W1's and b1's are made from it"
        )
    if not _loss_holds(holds):
        return "the loss fails its checks as well: correct it first, then compare with numerical gradients"
    if not any(holds(parameter, case) for parameter in PARAMETERS for case in ("reg = 0", "reg > 0")):
        return (
            "the gradients of W1, b1, W2 and b2 are all wrong: check first the gradient of the scores, which they have "
            "in common, (softmax - one-hot labels) / N"
        )
    return ""


def _in_training(name: str, holds: Holds) -> str:
    """Narrow down an undiagnosed training by the simpler ones that are right."""
    if not _loss_holds(holds):
        return "" if name == "epochs" else "the loss is wrong by itself: correct it first"
    if not holds("q2.2") or (name == "epochs" and not holds("q2.4.backward")):
        return "the gradients are wrong by themselves: correct them first, then check train"
    match name:
        case "step":
            return (
                "loss and gradients are right by themselves: check what train passes to self.loss, then the update, "
                "parameter -= learning_rate * gradient"
            )
        case "decay" | "batches" if not holds("step"):
            return "a training of one batch fails its check (step) as well: correct that first"
        case "decay":
            return (
                "one epoch is right, and several, of fewer examples than batch_size, are not: check what happens "
                "between epochs, and a batch that is all the data"
            )
        case "batches" if holds("decay"):
            return "check how an epoch is cut into batches: how many there are, and the rows of each"
        case "batches":
            return (
                "several epochs of one batch fail their check (decay) as well: correct that first, then check how an "
                "epoch is cut into batches"
            )
        case "epochs" if holds("q2.3.step") and holds("q2.3.decay") and holds("q2.3.batches"):
            return "training is right with the sigmoid: check what train does for the ReLU"
        case "epochs":
            return "with the sigmoid training fails its checks as well: correct that first"
    return ""


# ── Q2.1 ─────────────────────────────────────────────────────────────────────────────────────────────

LOSS = nets.LossChecks(hint=_in_loss)
STABLE = f"{nets.STABLE[:-1]}, and 1 / (1 + exp(-a)) a safe sigmoid."


@check("q2.1", each=near_the_toy("sigmoid"), handout=True, topics=FORWARD)
def toy_loss(student: Student, nearby: Problem) -> Iterator[Claim]:
    """Loss of the toy problem, sigmoid

    Handout: "The loss on the toy data, with reg = 0.1, must be 1.182248 up to 1e-6."
    """
    yield from LOSS.published(student, toy("sigmoid"), nearby, tolerance=TOLERANCE, given=["q2.1.scores"])


@check("q2.1", each=pairs(SIGMOID, 4), topics=FORWARD)
def scores(student: Student, pair: Pair) -> Iterator[Claim]:
    """Scores, fresh problems

    Handout: "`loss(X, y=None, reg=0.0)` returns the scores, shape (N, C), where `y` is None."
    """
    yield from nets.fresh_scores(student, pair.first, hint=_in_scores)


@check("q2.1", each=pairs(SIGMOID, 6), topics=FORWARD)
def loss(student: Student, pair: Pair) -> Iterator[Claim]:
    """Loss, fresh problems

    Handout: "J = mean cross entropy + ½·reg·(‖W1‖²_F + ‖W2‖²_F), and the biases are not regularised."; "Each call
    stands for itself."
    """
    yield from LOSS.fresh(student, pair, given=["q2.1.scores", "q2.1.published"])


@check("q2.1", each=pairs(SIGMOID, 1), topics=FORWARD)
def two_nets(student: Student, pair: Pair) -> Iterator[Claim]:
    """Loss of a net after another is made

    Handout: "Results must not depend on anything kept from an earlier call"; "The parameters are in the dict
    `self.params`."
    """
    other = replace(pair.first, options=RELU.options).at({name: -p for name, p in pair.first.params.items()})
    yield from losses.two_nets(student, pair.first, other, given=["q2.1.scores", "q2.1.published"])


@check("q2.1", each=pairs(SIGMOID, 1), topics=FORWARD)
def parameters(student: Student, pair: Pair) -> Iterator[Claim]:
    """Shapes of a new net's parameters

    Handout: "The parameters are in the dict `self.params`: `W1` of shape (D, H), `b1` (H,), `W2` (H, C), `b2` (C,)."
    """
    advice = "Check __init__: W1 (D, H), b1 (H,), W2 (H, C), b2 (C,)."
    yield from nets.new_parameters(student, pair.first, advice=advice)


@check("q2.1", each=saturated, topics=FORWARD)
def stable(student: Student, problem: Problem) -> Iterator[Claim]:
    """Loss at scores of about ±1000

    Handout: "The grader tries scores and pre-activations of about ±1000."
    """
    given = ["q2.1.scores", "q2.1.published", "q2.1.loss"]
    checks = nets.LossChecks(hint=_in_loss_at_large_scores)
    yield from checks.stable(student, problem, bias="b2", given=given, advice=STABLE)


# ── Q2.2 ─────────────────────────────────────────────────────────────────────────────────────────────

LOSS_OF_RELU = ("q2.1", "q2.4.forward")
GRADIENTS, RELU_GRADIENTS = (
    nets.GradientChecks(given, earlier, gradient_follows, backward_pass_follows, _in_gradient, OwnAnswers)
    for given, earlier in ((("q2.1",), ""), (LOSS_OF_RELU, "q2.2"))
)


@check("q2.2", each=pairs(SIGMOID, 5), topics=BACKWARD)
def gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """Gradient of {name}, fresh problems

    Handout: "the gradient of the loss with respect to `W1`, `b1`, `W2` and `b2`"; "‖yours - ours‖ / ‖ours‖ must be at
    most 1e-6".
    """
    yield from GRADIENTS.fresh(student, pair)


@check("q2.2", handout=True, topics=BACKWARD)
def toy_gradients(student: Student) -> Iterator[Claim]:
    """Gradient of {name}, toy problem

    Handout: "The next cell compares your gradients with numerical ones."
    """
    yield from GRADIENTS.numerical(student, toy("sigmoid"), losses=["q2.1.loss"])


@check("q2.2", each=as_large_as_mnist(SIGMOID), topics=BACKWARD)
def large_gradients(student: Student, problem: Problem) -> Iterator[Claim]:
    """Gradient of {name}, MNIST-sized problem

    Handout: "toy checks, each call: 10 CPU seconds"; "Backward pass" is asked for, which differences are not.
    """
    yield from losses.large_gradients(GRADIENTS, student, problem)


# ── Q2.3 ─────────────────────────────────────────────────────────────────────────────────────────────

LOSS_AND_GRADIENTS = ("q2.1", "q2.2")
BEFORE_BATCHES = (*LOSS_AND_GRADIENTS, "q2.3.step", "q2.3.decay")
TRAINER = nets.Trainer(
    losses=("q2.1", "q2.2", "q2.4.forward", "q2.4.backward"),
    decay="q2.3.decay",
    predict="q2.3.predict",
    record={
        "loss_history": lambda loss, _: loss,
        "grad_magnitude_history": lambda _, gradients: float(np.linalg.norm(gradients["W1"])),
    },
)
ONE_EPOCH = {"num_epochs": 1, "batch_size": 100, "learning_rate": 0.1, "learning_rate_decay": 1.0}


@check(
    "q2.3",
    # reg 400 makes gradients so large that clipping them shows; without the rate, a step is not twice as long
    each=trainings(SIGMOID, 0.3, 0.0, 400.0, num_epochs=1, batch_size=12, learning_rate=0.4, learning_rate_decay=0.9),
    topics=TRAINING,
)
def step(student: Student, training: Training) -> Iterator[Claim]:
    """Parameters after one training step

    Handout: "call self.loss on them to get `loss` and `grads`, and move every parameter a little way down its
    gradient"; "single training steps and whole trainings [are judged] by the parameters they lead to".
    """
    yield from _trained("step", student, training, LOSS_AND_GRADIENTS)


def _trained(name: str, student: Student, training: Training, given: Sequence[str], **options: Any) -> Iterator[Claim]:
    hint = partial(_in_training, name)
    yield from nets.trained_parameters(TRAINER, student, training, name=name, given=given, hint=hint, **options)


@check(
    "q2.3",
    # so many epochs that stopping early shows, where the accuracy has long stopped to grow, and a floor of the rate
    each=trainings(SIGMOID, 0.3, 0.0, num_epochs=21, batch_size=100, learning_rate=0.2, learning_rate_decay=0.7),
    topics=TRAINING,
)
def decay(student: Student, training: Training) -> Iterator[Claim]:
    """Parameters after epochs with a decaying learning rate

    The batch is larger than the data. The same training is run a second time.

    Handout: "multiplies the learning rate by the decay **once after each epoch**"; "a training set that is smaller
    [than a batch] is used whole"; "Each call stands for itself."
    """
    given = (*LOSS_AND_GRADIENTS, "q2.3.step")
    model = nets.Model(student, training.problem)
    yield from _trained("decay", student, training, given, model=model)
    yield from nets.trained_again(training, model, name="decay", given=given)


@check(
    "q2.3",
    each=trainings(SIGMOID, 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.4, learning_rate_decay=0.8),
    topics=TRAINING,
)
def batches(student: Student, training: Training) -> Iterator[Claim]:
    """Parameters after epochs of several batches

    Handout: "runs stochastic gradient descent on minibatches"; "Batches are drawn at random; with or without
    replacement, and leaving out or using a smaller last batch are all fine."
    """
    yield from _trained("batches", student, training, BEFORE_BATCHES, uses_data=True)


PAIRS_OF_ROWS = {"num_epochs": 1, "batch_size": 2, "learning_rate": 0.8, "learning_rate_decay": 1.0}


@check("q2.3", each=nets.examples_of_one_class(SIGMOID, (4, 5, 3, 4), **PAIRS_OF_ROWS), topics=TRAINING)
def batch_size(student: Student, training: Training) -> Iterator[Claim]:
    """Number of examples in a batch

    Handout: "Draw `batch_size` random examples".
    """
    yield from nets.batch_size(student, training, name="batches", given=BEFORE_BATCHES)


@check("q2.3", each=nets.examples_of_one_class(SIGMOID, (4, 5, 3, 12), **PAIRS_OF_ROWS), topics=TRAINING)
def at_random(student: Student, training: Training) -> Iterator[Claim]:
    """Random order of the examples

    Handout: "Batches are drawn at random".
    """
    yield from nets.at_random(student, training, name="batches", given=BEFORE_BATCHES)


@check("q2.3", each=epochs.one_row_an_example, topics=TRAINING)
def every_example(student: Student, training: Training) -> Iterator[Claim]:
    """Examples that an epoch uses

    Handout: "num_epochs: how many times to go through the training set".
    """
    yield from epochs.every_example(student, training, name="batches", given=BEFORE_BATCHES)


@check(
    "q2.3",
    each=nets.by_heart(
        SIGMOID, (24, 16, 3, 24), num_epochs=60, batch_size=8, learning_rate=5.0, learning_rate_decay=1.0
    ),
    topics=TRAINING,
)
def own_label(student: Student, training: Training) -> Iterator[Claim]:
    """Labels that the examples are trained with

    Handout: "Draw `batch_size` random examples"; y holds "integers 0..C-1, the right class of each row", of which a
    batch need not have all.
    """
    yield from nets.own_label(student, training, "W1", name="batches", given=BEFORE_BATCHES)


@check("q2.3", each=nets.predictions(SIGMOID), topics=TRAINING)
def predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """Labels from predict

    Handout: "Return the class with the largest score for each row of X: integers 0..C-1 of shape (N,)."
    """
    training = Training(pair.second, pair.second.X, pair.second.y, ONE_EPOCH)
    yield from nets.predicted(student, pair, training, given=["q2.1.scores", "q2.1.published", "q2.1.loss"])


@check(
    "q2.3",
    # verbose, as the handout trains on MNIST: what is printed must not end the training
    each=trainings(
        SIGMOID, 0.3, 0.0, num_epochs=4, batch_size=12, learning_rate=0.5, learning_rate_decay=0.8, verbose=True
    ),
    topics=HISTORIES,
)
def histories(student: Student, training: Training) -> Iterator[Claim]:
    """Histories from train

    Handout: "`loss_history` and `grad_magnitude_history`, an entry for each iteration (the second is the Frobenius
    norm of the gradient of W1), `train_acc_history` and `val_acc_history`, an entry for each epoch."
    """
    given = (*BEFORE_BATCHES, "q2.3.batches", "q2.3.predict")
    yield from nets.histories(TRAINER, student, training, given=given, hint=partial(_in_training, "histories"))


@check("q2.3", each=epochs.different_examples, topics=HISTORIES)
def accuracies(student: Student, training: Training) -> Iterator[Claim]:
    """Accuracies in the histories

    Handout: "train_acc_history: share of right answers on the training set, after each epoch; val_acc_history: the
    same for the validation set".
    """
    yield from epochs.accuracies(TRAINER, student, training, given=BEFORE_BATCHES)


# ── Q2.4 ─────────────────────────────────────────────────────────────────────────────────────────────

RELU_LOSS = nets.LossChecks(relu_loss_follows, _in_relu_loss)
OF_TRAIN = ("q2.3.step", "q2.3.decay", "q2.3.batches")
OF_RELU = (*LOSS_AND_GRADIENTS, "q2.4.forward", "q2.4.backward")


@check("q2.4.forward", each=near_the_toy("relu"), handout=True, settles=True, topics=FORWARD)
def relu_toy_loss(student: Student, nearby: Problem) -> Iterator[Claim]:
    """Loss of the toy problem, ReLU

    Handout: "With max(0, a) the toy loss is 1.303788. Older editions of this course printed 1.320973 … Either is
    accepted".
    """
    yield from RELU_LOSS.published(student, toy("relu"), nearby, tolerance=TOLERANCE, given=["q2.1"])


@check("q2.4.forward", each=pairs(RELU, 5, adapt=stretched), settles=True, topics=FORWARD)
def relu_loss(student: Student, pair: Pair) -> Iterator[Claim]:
    """Loss with ReLU, fresh problems

    Handout: "Let your class handle `activation='relu'` too: forward, backward and training".
    """
    yield from RELU_LOSS.fresh(student, pair, given=["q2.1", "q2.4.forward.published"])


@check("q2.4.backward", each=pairs(RELU, 5, adapt=stretched), topics=BACKWARD)
def relu_gradients(student: Student, pair: Pair) -> Iterator[Claim]:
    """Gradient of {name} with ReLU, fresh problems

    Handout: "provided that you use the same function and its own derivative throughout".
    """
    yield from RELU_GRADIENTS.fresh(student, pair)


@check("q2.4.backward", handout=True, topics=BACKWARD)
def relu_toy_gradients(student: Student) -> Iterator[Claim]:
    """Gradient of {name} with ReLU, toy problem

    Handout: "Let the gradients pass this check before you train."
    """
    yield from RELU_GRADIENTS.numerical(student, toy("relu"), losses=["q2.4.forward.loss"])


@check("q2.4.backward", each=as_large_as_mnist(RELU), topics=BACKWARD)
def large_relu_gradients(student: Student, problem: Problem) -> Iterator[Claim]:
    """Gradient of {name} with ReLU, MNIST-sized problem

    Handout: "toy checks, each call: 10 CPU seconds"; "backward" is asked for, which differences are not.
    """
    yield from losses.large_gradients(RELU_GRADIENTS, student, problem)


@check(
    "q2.4.training",
    each=trainings(RELU, 0.3, 0.0, num_epochs=3, batch_size=4, learning_rate=0.1, learning_rate_decay=0.7),
    topics=TRAINING,
)
def relu_epochs(student: Student, training: Training) -> Iterator[Claim]:
    """Parameters after epochs of several batches, ReLU

    Handout: "Let your class handle `activation='relu'` too: forward, backward and training".
    """
    yield from _relu_training(student, training)


def _relu_training(student: Student, training: Training) -> Iterator[Claim]:
    """Claim a ReLU net's training. It follows from the sigmoid's where train treats both alike."""
    with_sigmoid = replace(training, problem=replace(training.problem, options=SIGMOID.options))
    for one in _trained("epochs", student, training, (*OF_RELU, *OF_TRAIN), uses_data=True):
        by_gradients: Any = one.own

        def own(truth: Any, causes: Sequence[str], follow: Any = by_gradients) -> Verdict:
            of_train = [cause for cause in causes if cause in OF_TRAIN]
            if of_train and trains_alike(student, training, with_sigmoid):
                return nets.gradients_use_data(student, training.problem, labels=False)
            verdict: Verdict = follow(truth, [cause for cause in causes if cause not in OF_TRAIN])
            return verdict

        yield replace(one, own=own)


@check("q2.4.training", each=nets.predictions(RELU), topics=TRAINING)
def relu_predict(student: Student, pair: Pair) -> Iterator[Claim]:
    """Labels from predict, ReLU

    Handout: "use the same function … throughout: forward, backward, in training and on MNIST".
    """
    given = ["q2.1.scores", "q2.1.published", "q2.1.loss", "q2.4.forward", "q2.3.predict"]
    training = Training(pair.second, pair.second.X, pair.second.y, ONE_EPOCH)
    for labels in nets.predicted(student, pair, training, name="epochs", given=given):
        own_labels: Any = labels.own

        def own(truth: Any, causes: Sequence[str], follow: Any = own_labels) -> Verdict:
            """Judge labels by the student's own scores, unless predict has lost points with the sigmoid."""
            verdict: Verdict = passed() if TRAINER.predict in causes else follow(truth, causes)
            return verdict

        yield replace(labels, own=own, own_work=None)


@check("q2.4.training", each=one_large_step, topics=TRAINING)
def large_step(student: Student, training: Training) -> Iterator[Claim]:
    """Parameters after one MNIST-sized step, ReLU

    Handout: "toy checks, each call: 10 CPU seconds".
    """
    yield from _relu_training(student, training)


# ── Q2.5 ─────────────────────────────────────────────────────────────────────────────────────────────

RECIPE = MANIFEST.settings["mnist"]
CHANCE = 0.2
"""Twice the accuracy of guessing: below it, nothing was learnt."""


def images(quick: bool) -> int:
    return int(RECIPE["shorter_images"]) if quick else 50_000


def shared(quick: bool) -> Mapping[str, Array]:
    """Return what lies ready in the sessions that train."""
    return mnist(images(quick)).shared()


def with_permuted_labels(draw: Draw, _truth: Any) -> Iterator[tuple[nets.DataSet, bool]]:
    """Draw the classes under other numbers, so that labels known by heart are of no use."""
    yield mnist(images(draw.quick)).renumbered(draw.random.permutation(10)), draw.quick


def _trains_on_mnist(spec: nets.ModelSpec, student: Student, data: nets.DataSet, quick: bool) -> Iterator[Claim]:
    activation = str(spec.options["activation"])
    row = MANIFEST.long[0]
    long = nets.LongTraining(
        name=activation,
        start=first_images(spec, data, RECIPE),
        data=data,
        recipe={name: RECIPE[name] for name in ("num_epochs", "batch_size", "learning_rate", "learning_rate_decay")},
        cpu_seconds=row.cpu_seconds,
        steps=(row.shorter_steps if quick else row.steps)[activation],
        given=(*OF_RELU, *OF_TRAIN, "q2.4.training") if spec is RELU else (*LOSS_AND_GRADIENTS, *OF_TRAIN),
        predict_given=["q2.3.predict", "q2.1", "q2.4.forward"],
        trainer=TRAINER,
        chance=CHANCE,
        curves=nets.CURVES | {"grad_magnitude_history": Curve("Gradient magnitude", "‖∇W1‖")},
    )
    yield from nets.learns(student, long)


@check("q2.5.sigmoid", each=with_permuted_labels)
def sigmoid_on_mnist(student: Student, drawn: tuple[nets.DataSet, bool]) -> Iterator[Claim]:
    """Accuracy on MNIST, sigmoid"""
    yield from _trains_on_mnist(SIGMOID, student, *drawn)


@check("q2.5.relu", each=with_permuted_labels)
def relu_on_mnist(student: Student, drawn: tuple[nets.DataSet, bool]) -> Iterator[Claim]:
    """Accuracy on MNIST, ReLU"""
    yield from _trains_on_mnist(RELU, student, *drawn)
