"""What Schemathesis does not know of itself: who signs in, and two checks of ours."""

import json
import os
import re
import urllib.request

import schemathesis

BASE = os.environ["UHS_URL"]
WHO = json.loads(os.environ.get("UHS_WHO", "null"))  # path and body of a sign-in; null: nobody

with urllib.request.urlopen(BASE + "/openapi.json") as answer:
    DOCUMENT = answer.read().decode()

# Marks of what must stay inside: hashes, tokens at rest, keys, statements, stacks.
INSIDE = re.compile(r"\$2[aby]\$\d\d\$|sealed:gAAAA|PRIVATE KEY|SQLSTATE|sqlite3?[: ]|syntax error at|pgx|goroutine \d|\.go:\d+|panic:|runtime error")


def sign_in():
    path, body = WHO
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["access_token"]


if WHO:

    @schemathesis.auth(refresh_interval=600)
    class SignedIn:
        def get(self, case, context):
            return sign_in()

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["Authorization"] = "Bearer " + data


def texts(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str) and len(value) >= 8 and value not in DOCUMENT:
        yield value


@schemathesis.check
def repeats_nothing(ctx, response, case):
    if response.status_code < 400:
        return
    try:
        answered = response.json()
        answered.pop("path", None)  # UHS v1 wants the address there
        answered = json.dumps(answered, ensure_ascii=False)
    except (ValueError, AttributeError):
        answered = response.content.decode("utf-8", "replace")
    for sent in (case.body, case.query, case.path_parameters):
        for text in texts(sent if isinstance(sent, (dict, list, str)) else dict(sent or {}) if hasattr(sent, "items") else None):
            if text in answered:
                raise AssertionError("the refusal repeats what was sent")


@schemathesis.check
def tells_nothing_inside(ctx, response, case):
    if case.path.endswith("/admin/operations/errors"):  # the admins' own log of failures
        return
    found = INSIDE.search(response.content.decode("utf-8", "replace"))
    if found and found.group(0) not in json.dumps([case.body if isinstance(case.body, (dict, list, str)) else None], ensure_ascii=False):
        raise AssertionError("the answer shows something from the inside: " + found.group(0))
