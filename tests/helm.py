"""The chart in deploy/helm, rendered by a real helm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

HELM = shutil.which("helm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "helm"
CHART = ROOT / "deploy" / "helm" / "grader"
KUBERNETES = "1.33"
"""The oldest version that the chart supports."""
EVERYTHING = ("scaler.enabled=true", "ingress.enabled=true", "backup.claim=backups")


def rendered(*values: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the chart's objects by kind and name, with these values (`backup.claim=backups`)."""
    command = [HELM, "template", "grader", CHART, "--kube-version", KUBERNETES, *(f"--set={value}" for value in values)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    objects = [object for object in yaml.safe_load_all(done.stdout) if object]
    return {(object["kind"], object["metadata"]["name"]): object for object in objects}
