"""The whole of it: real MNIST, 50,000 images, 20 epochs, both activations, through the real command."""

import json

import pytest


@pytest.fixture(scope="module")
def reports(grader, tmp_path_factory):
    """The perfect submission graded twice, as JSON, with a page the first time."""
    folder = tmp_path_factory.mktemp("reports")
    page = folder / "report.html"
    first = grader("check", "submissions/perfect", "--json", "--html", str(page))
    second = grader("check", "submissions/perfect", "--json")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    return json.loads(first.stdout), json.loads(second.stdout), page.read_text("utf-8")


def test_the_perfect_submission_earns_all_machine_points(reports):
    report, _, _ = reports
    assert report["points"] == {"earned": 40, "decided": 40, "waiting": 40, "possible": 80}
    assert report["scope"]["label"] == "full"


def test_the_same_submission_gives_the_same_report_to_the_byte(reports):
    first, second, _ = reports
    for report in (first, second):
        report.pop("usage", None)
    assert json.dumps(first) == json.dumps(second)


def test_the_page_has_five_plots(reports):
    assert reports[2].count("<svg") >= 5


def test_both_nets_learn(reports):
    accuracies = {e["name"]: e["accuracy"] for e in reports[0]["evidence"]}
    assert accuracies["sigmoid"] > 0.85
    assert accuracies["relu"] > 0.95
