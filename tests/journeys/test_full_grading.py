"""The whole of it: real MNIST, 50,000 images, 20 epochs, both activations, through the real command."""

import json

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def reports(grader, tmp_path_factory):
    """The perfect submission's report as JSON and as a page."""
    page = tmp_path_factory.mktemp("reports") / "report.html"
    done = grader("check", "submissions/perfect", "--json", "--html", str(page))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), page.read_text("utf-8")


def test_the_perfect_submission_earns_all_machine_points(reports):
    report, _ = reports
    assert report["points"] == {"earned": 40, "decided": 40, "waiting": 40, "possible": 80}
    assert report["scope"]["label"] == "full"


@pytest.mark.parametrize("options", [("--code",), pytest.param((), marks=pytest.mark.proof)], ids=["code", "MNIST"])
def test_the_same_submission_gives_the_same_report_to_the_byte(grader, options):
    first, second = (json.loads(grader("check", "submissions/perfect", "--json", *options).stdout) for _ in range(2))
    for report in (first, second):
        report.pop("usage", None)
    assert json.dumps(first) == json.dumps(second)


def test_the_page_has_five_plots(reports):
    assert reports[1].count("<svg") >= 5


def test_both_nets_learn(reports):
    accuracies = {e["name"]: e["accuracy"] for e in reports[0]["evidence"]}
    assert accuracies["sigmoid"] > 0.85
    assert accuracies["relu"] > 0.95
