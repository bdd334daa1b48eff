"""Open edX's LTI 1.3 platform and its queue for external graders: `python -m tests.lms.platform_edx FOLDER`.

lti-consumer-xblock and edx-submissions are what Open edX itself uses. They run in a Django project of one course. The
functions of `lti_consumer.plugin.compat` that ask Open edX for its users, enrolments and blocks ask this project;
nothing else of the packages is replaced. The process needs the packages of `edx.lock`, and keeps everything in FOLDER.
Tests control it by the routes under `/control`, which `tests/lms/platforms.py` calls.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from tests.lms import pages

FOLDER = Path(sys.argv[1])
server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
ISSUER = f"http://localhost:{server.server_address[1]}"

settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "edx.db",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "rest_framework",
        "config_models",
        "lti_consumer",
        "submissions",
        "tests.lms",
    ],
    LMS_ROOT_URL=ISSUER,
    LOGGING={
        "version": 1,
        "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR"}, "django.server": {"level": "ERROR"}},
    },
    LTI_BASE=ISSUER,
    LTI_API_BASE=ISSUER,
    MEDIA_ROOT=FOLDER / "media",
    MEDIA_URL="/media/",
    MIDDLEWARE=[
        f"{__name__}.PlainQueue",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "crum.CurrentRequestUserMiddleware",
        f"{__name__}.Watched",
    ],
    PLATFORM_NAME="Open edX of the tests",
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the tests",
    # as an Open edX whose tools are launched in frames
    SESSION_COOKIE_SAMESITE="None",
    SESSION_COOKIE_SECURE=True,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    USAGE_ID_PATTERN=r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))",
    USE_TZ=True,
)
# Read by name in MIDDLEWARE and ROOT_URLCONF, also where this is the main module.
sys.modules["tests.lms.platform_edx"] = sys.modules[__name__]
django.setup()

from django.contrib.auth import login
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.static import serve
from lti_consumer import api
from lti_consumer.data import Lti1p3LaunchData
from lti_consumer.exceptions import LtiError
from lti_consumer.lti_xblock import LtiConsumerXBlock
from lti_consumer.models import (
    CourseAllowPIISharingInLTIFlag,
    Lti1p3Passport,
    LtiAgsScore,
    LtiConfiguration,
)
from lti_consumer.plugin import compat
from opaque_keys.edx.keys import CourseKey
from submissions.api import create_external_grader_detail
from submissions.models import ExternalGraderDetail
from xblock.field_data import DictFieldData
from xblock.fields import ScopeIds

COURSE = CourseKey.from_string("course-v1:Tests+ML+2026")
ROLES = {
    "Learner": "student",
    "Instructor": "staff",
    "Administrator": "instructor",
    "TeachingAssistant": "Community TA",
}


# ── what Open edX stores ─────────────────────────────────────────────────────────────────────────────


class Profile(models.Model):
    """A user's profile and the id that tools see."""

    user = models.OneToOneField(User, models.CASCADE, related_name="profile")
    name = models.TextField()
    external_user_id = models.TextField(unique=True)
    role = models.TextField(default="")
    """In the only course; empty for a person who is not in it."""

    class Meta:
        app_label = "lms"


class Block(models.Model):
    """An LTI block in the course."""

    usage_key = models.TextField(unique=True)
    title = models.TextField()
    weight = models.FloatField()

    class Meta:
        app_label = "lms"


class Grade(models.Model):
    """What the progress page shows."""

    usage_key = models.TextField()
    user = models.ForeignKey(User, models.CASCADE)
    value = models.FloatField(null=True)

    class Meta:
        app_label = "lms"
        unique_together = (("usage_key", "user"),)


# ── what lti_consumer asks Open edX for ──────────────────────────────────────────────────────────────


class Runtime:
    """The runtime of a block, as far as a grade needs it."""

    def service(self, block: Any, name: str) -> Any:
        assert name == "rebind_user"
        return SimpleNamespace(rebind_noauth_module_to_user=lambda bound, user: None)

    def publish(self, block: Any, kind: str, event: dict[str, Any]) -> None:
        assert kind == "grade"
        key = {"usage_key": str(block.scope_ids.usage_id), "user_id": event["user_id"]}
        Grade.objects.update_or_create(**key, defaults={"value": event["value"]})


def load_block(location: Any) -> LtiConsumerXBlock:
    stored = Block.objects.get(usage_key=str(location))
    fields = {"display_name": stored.title, "weight": stored.weight, "has_score": True}
    ids = ScopeIds(None, "lti_consumer", location, location)
    block = LtiConsumerXBlock(Runtime(), field_data=DictFieldData(fields), scope_ids=ids)
    # fields that Open edX adds to every block
    block.due = block.graceperiod = None
    return block


def user_of(external_user_id: str) -> User:
    try:
        return User.objects.get(profile__external_user_id=external_user_id)
    except User.DoesNotExist as error:
        raise LtiError("Invalid User") from error


def course_members(course_key: CourseKey) -> dict[int, dict[str, Any]]:
    members = {}
    for profile in Profile.objects.exclude(role="").select_related("user"):
        user = profile.user
        members[user.id] = {"id": user.id, "username": user.username, "email": user.email, "name": profile.name}
        members[user.id]["roles"] = [profile.role]
    return members


compat.load_enough_xblock = load_block
compat.load_block_as_user = load_block
compat.get_user_from_external_user_id = user_of
compat.get_course_members = course_members
compat.batch_get_or_create_externalids = lambda users: {user.id: user.profile for user in users}
compat.user_has_studio_write_access = lambda user, course: (
    user.is_authenticated and user.profile.role in ("staff", "instructor")
)


# ── what tests say ───────────────────────────────────────────────────────────────────────────────────


class State:
    def __init__(self) -> None:
        self.tools: dict[str, dict[str, str]] = {}
        """By passport."""
        self.launches: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.faults: list[dict[str, Any]] = []


state = State()
FAULTS = {
    r"^/api/.*/scores$": "scores",
    r"/lti-ags(/\d+)?$": "lineitems",
    r"/results": "results",
    r"/memberships": "members",
    r"/token/": "token",
    r"/public_keysets/": "jwks",
    r"/get_submission/": "get_submission",
    r"/put_result/": "put_result",
    r"^/media/": "files",
}


class PlainQueue:
    """Lets graders log in at the queue without TLS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/xqueue/") and "sessionid" in response.cookies:
            response.cookies["sessionid"]["secure"] = ""
        return response


class Watched:
    """Keeps the scores that come, and misbehaves as the test says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        at = next((name for pattern, name in FAULTS.items() if re.search(pattern, request.path)), "")
        received: dict[str, Any] = {}
        if at == "scores":
            line_item = request.build_absolute_uri(request.path.removesuffix("/scores"))
            received = {"line_item": line_item, "body": json.loads(request.body), "at": time.time(), "status": None}
            state.scores.append(received)
        for fault in state.faults:
            if fault["at"] == at and fault.get("times", 1):
                fault["times"] = fault.get("times", 1) - 1
                time.sleep(fault.get("seconds", 0))
                if fault.get("status"):
                    return JsonResponse({}, status=fault["status"], headers=fault.get("headers"))
                response = self.get_response(request)
                # Done, and the answer is lost.
                return JsonResponse({}, status=502) if fault.get("drop") else response
        response = self.get_response(request)
        received["status"] = response.status_code
        return response


def control(view: Callable[..., Any]) -> Callable[..., HttpResponse]:
    """Make a route of a function of JSON."""

    @csrf_exempt
    def route(request: HttpRequest, **arguments: str) -> HttpResponse:
        content = [json.loads(request.body)] if request.method == "POST" else []
        return JsonResponse(view(*content, **arguments), safe=False)

    return route


@control
def people(asked: dict[str, Any]) -> None:
    user = User.objects.create(username=asked["id"], email=asked["email"])
    Profile.objects.create(user=user, name=asked["name"], external_user_id=asked["id"])


@control
def tools(asked: dict[str, Any]) -> dict[str, Any]:
    """Register a tool by hand: Open edX has no dynamic registration."""
    passport = Lti1p3Passport.objects.create(lti_1p3_tool_keyset_url=asked["jwks_uri"])
    state.tools[passport.lti_1p3_client_id] = asked | {"passport": passport.pk}
    endpoint = f"{ISSUER}/api/lti_consumer/v1"
    return {
        "client_id": passport.lti_1p3_client_id,
        "deployments": ["1"],
        "issuer": ISSUER,
        "authorization_endpoint": f"{endpoint}/launch/",
        "token_endpoint": f"{endpoint}/token/{passport.passport_id}",
        "jwks_uri": f"{endpoint}/public_keysets/{passport.passport_id}",
    }


@control
def members(asked: dict[str, Any]) -> None:
    roles = [ROLES.get(role, role) for role in asked["roles"]]
    Profile.objects.filter(external_user_id=asked["person"]).update(role=roles[0] if roles else "")


@control
def links(asked: dict[str, Any]) -> dict[str, Any]:
    """Add a block of the tool that was registered last."""
    return add_block(asked["title"], (asked.get("lineItem") or {}).get("scoreMaximum", 1))


def add_block(title: str, weight: float) -> dict[str, Any]:
    tool = list(state.tools.values())[-1]
    usage_key = COURSE.make_usage_key("lti_consumer", f"block{Block.objects.count() + 1}")
    Block.objects.create(usage_key=str(usage_key), title=title, weight=weight)
    configuration = LtiConfiguration.objects.create(
        version=LtiConfiguration.LTI_1P3,
        config_store=LtiConfiguration.CONFIG_ON_DB,
        location=usage_key,
        lti_1p3_passport_id=tool["passport"],
        lti_1p3_oidc_url=tool["login_url"],
        lti_1p3_launch_url=tool["launch_url"],
        lti_1p3_redirect_uris=tool["redirect_uris"],
        lti_advantage_enable_nrps=True,
        lti_advantage_deep_linking_enabled=True,
        lti_advantage_deep_linking_launch_url=tool["deep_link_url"],
        lti_advantage_ags_mode=LtiConfiguration.LTI_ADVANTAGE_AGS_DECLARATIVE,
    )
    return shown(configuration)


def shown(configuration: LtiConfiguration) -> dict[str, Any]:
    configuration.get_lti_consumer()  # makes the line item that the block declares
    items = [item_url(item) for item in configuration.ltiagslineitem_set.all()]
    contents = [content.attributes for content in configuration.ltidlcontentitem_set.all()]
    return {"id": str(configuration.location), "line_item": items[0], "contents": contents}


def item_url(item: Any) -> str:
    return f"{ISSUER}/api/lti_consumer/v1/lti/{item.lti_configuration_id}/lti-ags/{item.id}"


@control
def launches(asked: dict[str, Any]) -> dict[str, str]:
    """Without a link, add a block first and choose its content by deep linking."""
    asked = asked | {"deep_linking": asked.get("deep_linking", not asked["link"])}
    asked["link"] = asked["link"] or add_block("Chosen by deep linking", 1)["id"]
    state.launches.append(asked)
    number = len(state.launches) - 1
    return {"login_url": f"{ISSUER}/starts/{number}", "page": f"{ISSUER}/launches/{number}", "link": asked["link"]}


def start_url(request: HttpRequest, number: int) -> str:
    """Log the person in, and return where the launch starts at the tool."""
    launch = state.launches[number]
    profile = user_of(launch["person"]).profile
    login(request, profile.user)
    shares = api.get_lti_pii_sharing_state_for_course(COURSE)
    data = Lti1p3LaunchData(
        user_id=profile.user_id,
        user_role=profile.role,
        config_id=LtiConfiguration.objects.get(location=launch["link"]).config_id,
        resource_link_id=launch["link"],
        external_user_id=profile.external_user_id,
        name=profile.name if shares else None,
        email=profile.user.email if shares else None,
        launch_presentation_document_target=launch.get("target", "iframe"),
        context_id=str(COURSE),
        context_type=["course_offering"],
        context_title="Machine learning - Tests",
        context_label=str(COURSE),
    )
    if launch["deep_linking"]:
        return str(api.get_lti_1p3_launch_start_url(data, deep_link_launch=True))
    return str(api.get_lti_1p3_content_url(data))


def start(request: HttpRequest, number: int) -> HttpResponse:
    return redirect(start_url(request, number))


def launch_page(request: HttpRequest, number: int) -> HttpResponse:
    """The page of the course with the tool in a frame, or with a link for a new window; Open edX has no storage."""
    url = start_url(request, number)
    if state.launches[number].get("target") == "window":
        return HttpResponse(pages.page("Course", pages.link(url)))
    return HttpResponse(pages.page("Course", pages.frame(url)))


@control
def course(course_id: str) -> dict[str, Any]:
    items = [item for each in LtiConfiguration.objects.all() for item in each.ltiagslineitem_set.all()]
    urls = {str(item.resource_link_id): item_url(item) for item in items}
    results = [
        {"line_item": urls[grade.usage_key], "userId": grade.user.username, "score": grade.value, "by": "tool"}
        for grade in Grade.objects.all()
    ]
    kept = [
        {"line_item": item_url(score.line_item), "userId": score.user_id, "gradingProgress": score.grading_progress}
        for score in LtiAgsScore.objects.all()
    ]
    known = [shown(configuration) for configuration in LtiConfiguration.objects.all()]
    return {"links": {link["id"]: link for link in known}, "results": results, "kept": kept, "line_items": urls}


@control
def scores() -> list[dict[str, Any]]:
    return state.scores


@control
def faults(asked: list[dict[str, Any]]) -> None:
    state.faults = asked


@control
def keys(asked: dict[str, Any]) -> None:
    """Let the next launch make a new key; Open edX publishes one only."""
    Lti1p3Passport.objects.update(lti_1p3_internal_private_key="")


@control
def change(asked: dict[str, Any]) -> None:
    """`shares_names`: whether tools get names and e-mail addresses."""
    CourseAllowPIISharingInLTIFlag.objects.create(course_id=COURSE, enabled=asked["shares_names"])


@control
def xqueue_add(asked: dict[str, Any]) -> dict[str, Any]:
    """Submit to a queue, as a problem with an external grader does."""
    item = {"student_id": asked["student"], "course_id": str(COURSE), "item_id": asked["item"], "item_type": "problem"}
    files = {
        name: SimpleNamespace(file=django.core.files.File(io.BytesIO(text.encode()), name))
        for name, text in asked.get("files", {}).items()
    }
    detail = create_external_grader_detail(
        item, asked["answer"], asked["queue"], "key", asked["grader"], asked["points"], files=files
    )
    return {"id": detail.submission_id}


@control
def xqueue_list() -> list[dict[str, Any]]:
    submitted = []
    for detail in ExternalGraderDetail.objects.order_by("submission_id"):
        scores = [score.points_earned for score in detail.submission.score_set.order_by("id")]
        entry = {"id": detail.submission_id, "status": detail.status, "reply": detail.grader_reply}
        submitted.append(entry | {"score": scores[-1] if scores else None, "results": len(scores)})
    return submitted


@control
def xqueue_age(asked: dict[str, Any]) -> None:
    """Let time pass for what graders have pulled: it is offered again after five minutes."""
    # in one statement: a result may come meanwhile
    earlier = models.F("status_time") - timedelta(seconds=asked["seconds"])
    ExternalGraderDetail.objects.filter(status="pulled").update(status_time=earlier)


urlpatterns = [
    path("api/", include("lti_consumer.plugin.urls")),
    path("xqueue/", include("submissions.urls")),
    path("media/<path:path>", serve, {"document_root": FOLDER / "media"}),
    path("starts/<int:number>", start),
    path("launches/<int:number>", launch_page),
    path("control/people", people),
    path("control/tools", tools),
    path("control/members", members),
    path("control/links", links),
    path("control/launches", launches),
    path("control/courses/<course_id>", course),
    path("control/scores", scores),
    path("control/faults", faults),
    path("control/keys", keys),
    path("control/settings", change),
    path("control/xqueue/add", xqueue_add),
    path("control/xqueue/list", xqueue_list),
    path("control/xqueue/age", xqueue_age),
]


def main() -> None:
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Profile, Block, Grade):
            editor.create_model(model)
    CourseAllowPIISharingInLTIFlag.objects.create(course_id=COURSE, enabled=True)
    grader = User.objects.create_user("grader", password="xqueue")
    grader.groups.add(Group.objects.create(name="xqueue"))
    server.set_app(get_wsgi_application())
    print(ISSUER, flush=True)
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
