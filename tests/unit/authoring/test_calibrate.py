import json
from pathlib import Path

import pytest

from grader.authoring.calibrate import Calibration, thresholds

FOLDER = Path(__file__).parents[3] / "reference" / "ps4"


def test_a_threshold_at_the_mean_fails_every_second_right_solution():
    measured = Calibration("sigmoid", (0.87, 0.88, 0.86, 0.87))
    assert measured.false_fail(measured.mean) == pytest.approx(0.5)


def test_the_proposed_threshold_keeps_its_probability():
    measured = Calibration("sigmoid", (0.871, 0.874, 0.877, 0.873, 0.876))
    assert measured.false_fail(measured.proposed(1e-4)) <= 1e-4
    assert measured.false_fail(measured.proposed(1e-4) + 0.01) > 1e-4


def test_no_accuracy_below_nought_or_above_one_is_proposed():
    assert Calibration("x", (0.3, 0.5, 0.4)).proposed(1e-6) is None
    assert Calibration("x", (1.0,) * 9).proposed(0.6) == 1.0


@pytest.mark.parametrize(("file", "quick"), [("calibration.json", False), ("calibration-quick.json", True)])
def test_the_shipped_thresholds_are_the_measured_ones(ps4, file, quick):
    steps = thresholds(ps4, quick=quick)
    for name, measured in json.loads((FOLDER / file).read_text("utf-8")).items():
        assert list(measured["false_fail"]) == [str(step) for step, _ in steps[name]]
        assert float(measured["false_fail"][str(steps[name][0][0])]) < 1e-6
        assert Calibration(name, tuple(measured["accuracies"])).mean == pytest.approx(measured["mean"], abs=1e-4)
