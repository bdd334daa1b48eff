"""The Helm chart: Kubernetes accepts its objects, and they give the sandbox what it needs and nothing else."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from grader.cli.app import COMMANDS
from grader.settings import Settings
from tests.conftest import ROOT
from tests.helm import CHART, EVERYTHING, HELM, KUBERNETES, rendered

VERSIONS = [KUBERNETES, kubernetes_validate.latest_version()]

SCALED_OBJECT = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "spec": {
            "type": "object",
            "required": ["scaleTargetRef", "triggers"],
            "additionalProperties": False,
            "properties": {
                "scaleTargetRef": {"type": "object", "required": ["name"]},
                "minReplicaCount": {"type": "integer", "minimum": 0},
                "maxReplicaCount": {"type": "integer", "minimum": 1},
                "pollingInterval": {"type": "integer", "minimum": 1},
                "advanced": {
                    "type": "object",
                    "properties": {"horizontalPodAutoscalerConfig": {"required": ["behavior"]}},
                    "additionalProperties": False,
                },
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["type", "metadata"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"const": "postgresql"},
                            "metricType": {"enum": ["AverageValue", "Value"]},
                            "metadata": {
                                "type": "object",
                                "required": ["query", "targetQueryValue", "connectionFromEnv"],
                                "additionalProperties": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What KEDA's documentation says of the fields that the chart uses; its own schema is in no package."""


def pod(objects: dict[tuple[str, str], dict[str, Any]], name: str) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment", f"grader-{name}"]["spec"]["template"]["spec"]
    return spec


def test_helm_finds_no_fault() -> None:
    command = [HELM, "lint", "--strict", "--kube-version", KUBERNETES, CHART]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["by default", "everything"])
def test_kubernetes_accepts_every_object(values: tuple[str, ...], version: str) -> None:
    objects = rendered(*values)
    for (kind, _), object in objects.items():
        if kind == "ScaledObject":
            jsonschema.validate(object, SCALED_OBJECT)
        else:
            kubernetes_validate.validate(object, version, strict=True)
    assert len(objects) == (8 if values else 5)


def test_a_misspelt_field_is_seen() -> None:
    deployment = rendered()["Deployment", "grader-worker"]
    deployment["spec"]["template"]["spec"]["hostUser"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_every_setting_of_the_chart_exists() -> None:
    texts = [file.read_text("utf-8") for file in CHART.rglob("*") if file.is_file()]
    named = {name for text in texts for name in re.findall(r"\bGRADER_([A-Z_]+)\b", text)}
    assert named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(("name", "command"), [("api", "serve"), ("worker", "worker")])
def test_pods_run_a_command_that_exists_as_the_image_s_user_with_nowhere_to_write(name: str, command: str) -> None:
    spec = pod(rendered(), name)
    (container,) = spec["containers"]
    assert container["args"][0] == command
    assert command in COMMANDS
    (uid,) = re.findall(r"useradd --uid (\d+)", (ROOT / "Dockerfile").read_text("utf-8"))
    assert spec["securityContext"]["runAsUser"] == int(uid)
    assert spec["securityContext"]["runAsNonRoot"] is True
    security = container["securityContext"]
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/data"}
    assert spec["terminationGracePeriodSeconds"] >= Settings().grace_seconds + 30


def test_only_workers_get_what_the_sandbox_needs() -> None:
    objects = rendered()
    worker, api = pod(objects, "worker"), pod(objects, "api")
    security = worker["containers"][0]["securityContext"]
    assert security["seccompProfile"] == {"type": "Localhost", "localhostProfile": "grader.json"}
    assert security["procMount"] == "Unmasked"
    assert security["appArmorProfile"] == {"type": "Unconfined"}
    assert worker["hostUsers"] is False  # otherwise Kubernetes refuses procMount: Unmasked
    assert api["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"procMount", "appArmorProfile", "seccompProfile"} & api["containers"][0]["securityContext"].keys()


def test_workers_get_no_secret_of_the_api() -> None:
    (container,) = pod(rendered(), "worker")["containers"]
    assert "envFrom" not in container
    secrets = [variable["name"] for variable in container["env"] if "valueFrom" in variable]
    assert secrets == ["GRADER_DATABASE_URL", "GRADER_SECRET"]


def test_probes_are_asked_where_the_service_answers() -> None:
    (container,) = pod(rendered(), "api")["containers"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]
    assert paths == ["/healthz", "/healthz", "/readyz"]


def test_the_scaler_and_not_the_deployment_says_how_many_workers_there_are() -> None:
    objects = rendered(*EVERYTHING)
    assert "replicas" not in objects["Deployment", "grader-worker"]["spec"]
    scaler = objects["ScaledObject", "grader-worker"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "grader-worker"
    (trigger,) = scaler["triggers"]
    variables = [variable["name"] for variable in pod(objects, "worker")["containers"][0]["env"]]
    assert trigger["metadata"]["connectionFromEnv"] in variables


def test_dumps_are_made_every_night_and_kept_for_thirty_days() -> None:
    job = rendered(*EVERYTHING)["CronJob", "grader-backup"]["spec"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", job["schedule"])
    (script,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "pg_dump --format=custom" in script
    assert '-name "grader-*.dump" -mtime +30 -delete' in script
    assert subprocess.run(["sh", "-n"], input=script, text=True, timeout=10).returncode == 0


def test_the_ingress_takes_the_largest_upload_as_it_arrives() -> None:
    ingress = rendered(*EVERYTHING)["Ingress", "grader"]
    annotations = ingress["metadata"]["annotations"]
    nginx = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    size = annotations["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert f"client_max_body_size {size};" in nginx
    assert annotations["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"
    assert ingress["spec"]["rules"][0]["host"] == "grader.example.edu"


def test_every_value_is_used() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    used = "".join(file.read_text("utf-8") for file in (CHART / "templates").iterdir())
    names = [f"{group}.{name}" for group, fields in values.items() if isinstance(fields, dict) for name in fields]
    names += [name for name, value in values.items() if not isinstance(value, dict)]
    assert [name for name in names if f".Values.{name}" not in used] == []
