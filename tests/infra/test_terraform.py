"""What Terraform deploys, where it can be told from the text; `make terraform` tests the rest with mocked providers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.deployables import load
from shared.config import Settings, setting_fields

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "terraform" / "modules" / "app"
FILES = {path.name: path.read_text("utf-8") for path in MODULE.glob("*.tf")}
TEXT = "\n".join(FILES.values())
# https://cloud.google.com/iam/docs/understanding-roles
ROLES = {
    "roles/cloudtrace.agent",
    "roles/datastore.user",
    "roles/datastore.viewer",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountUser",
    "roles/pubsub.publisher",
    "roles/pubsub.subscriber",
    "roles/run.invoker",
    "roles/secretmanager.secretAccessor",
    "roles/storage.objectUser",
}


def _resources(kind: str) -> dict[str, str]:
    return dict(re.findall(rf'^resource "{kind}" "(\w+)" \{{\n(.*?)^\}}', TEXT, re.MULTILINE | re.DOTALL))


def test_a_file_is_named_after_what_it_holds() -> None:
    concerns = (
        "apis budget firestore functions holders iam media monitoring outputs registry "
        "routing scheduler secrets sockets topics variables versions"
    )
    assert set(FILES) == {f"{name}.tf" for name in concerns.split()}


@pytest.mark.parametrize("folder", ["modules/app", "environments/staging", "environments/prod"])
@pytest.mark.parametrize(("file", "kind"), [("variables.tf", "variable"), ("outputs.tf", "output")])
def test_variables_and_outputs_stand_in_the_order_of_the_alphabet(folder: str, file: str, kind: str) -> None:
    names = re.findall(rf'^{kind} "(\w+)"', (ROOT / "terraform" / folder / file).read_text("utf-8"), re.MULTILINE)
    assert names
    assert names == sorted(names)


def test_no_role_is_wide_and_no_grant_takes_away_others() -> None:
    assert set(re.findall(r'"(roles/[\w.]+)"', TEXT)) == ROLES
    assert not re.search(r"iam_(binding|policy)\b", TEXT)
    assert 'member   = "allUsers"' in FILES["iam.tf"]
    assert TEXT.count("allUsers") == 2, "one for functions, one for sockets"


def test_rights_on_the_project_belong_to_accounts_of_functions_only() -> None:
    for name, body in _resources("google_project_iam_member").items():
        assert "google_service_account.function[each.key].member" in body, name


def test_services_are_given_settings_that_exist() -> None:
    environments = FILES["functions.tf"].partition("environments = {")[2].partition("mounted = {")[0]
    variables = set(re.findall(r"^\s+([A-Z][A-Z_]+)\s+=", environments, re.MULTILINE))
    variables |= set(re.findall(r"\{ ([A-Z][A-Z_]+) =", environments))
    variables |= {name for row in load().functions.values() for name in row.environment}
    framework = {"FUNCTION_SOURCE", "FUNCTION_TARGET"}
    assert variables - framework <= {name.upper() for name in setting_fields()}
    assert {"PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT", "PUBLIC_URL", "MEDIA_BUCKET", "THREADS"} <= variables


@pytest.mark.parametrize("kind", ["http", "event", "schedule"])
def test_those_settings_start_a_function_in_production(kind: str) -> None:
    settings = Settings.model_validate(
        {
            "backend": "google",
            "environment": "production",
            "google_cloud_project": "example",
            "jwt_secret": "j" * 32,
            "push_audience": "hub-reply",
            "push_checked_by": "hub" if kind == "http" else "cloud_run",
            "push_service_account": "hub-push@example.iam.gserviceaccount.com",
            "trusted_proxies": "2",
        }
    )
    assert settings.strict_webhooks


def test_log_lines_that_are_counted_are_written_somewhere() -> None:
    counted = set(re.findall(r'jsonPayload\.message=\\"([^"\\]+)\\"', FILES["monitoring.tf"]))
    assert len(counted) == 9
    code = "\n".join(file.read_text("utf-8") for file in (ROOT / "shared").rglob("*.py"))
    assert [line for line in counted if f'"{line}"' not in code] == []


def test_what_is_taken_out_of_log_lines_is_put_into_them() -> None:
    fields = set(re.findall(r"jsonPayload\.(\w+)", FILES["monitoring.tf"])) - {"message"}
    fields |= set(re.findall(r'value\s+= "(\w+)"', FILES["monitoring.tf"]))
    assert {"channel", "depth", "lag_seconds", "oldest_seconds", "outbox_seconds", "reply_seconds"} <= fields
    code = "".join((ROOT / "shared" / "usecases" / f"{name}.py").read_text() for name in ("sweep", "reporting/metrics"))
    assert [name for name in fields if f'"{name}"' not in code] == []


def test_alerts_name_subscriptions_that_exist() -> None:
    pattern = re.search(r'regex\.full_match\(\\"([^"\\]+)\\"\)', FILES["monitoring.tf"])
    assert pattern is not None
    subscriptions = {name for row in load().topics.values() for name in row.subscriptions}
    assert {name for name in subscriptions if re.fullmatch(pattern[1], name)} == {"outbound-deliver", "outbound-pull"}


@pytest.mark.parametrize(("environment", "front"), [("staging", "single"), ("prod", "split")])
def test_each_environment_is_one_call_with_a_state_of_its_own(environment: str, front: str) -> None:
    folder = ROOT / "terraform" / "environments" / environment
    app = (folder / "app.tf").read_text("utf-8")
    assert re.search(rf'front\s+= "{front}"', app)
    assert re.search(rf"protected\s+= {'true' if environment == 'prod' else 'false'}", app)
    backend = (folder / "backend.tf").read_text("utf-8")
    assert 'backend "gcs"' in backend
    assert f'prefix = "hub/{environment}"' in backend
    declared = set(re.findall(r'^variable "(\w+)"', (folder / "variables.tf").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"var\.(\w+)", app)) == declared


def test_secrets_have_no_values_in_any_state() -> None:
    assert "google_secret_manager_secret_version" not in TEXT
    assert "random_password" not in TEXT


def test_no_lock_file_of_stand_ins_is_kept() -> None:
    for lock in (ROOT / "terraform").rglob(".terraform.lock.hcl"):
        assert "h1:" in lock.read_text("utf-8"), f"{lock} does not come from the registry"


def test_every_exception_from_checkov_has_its_reason() -> None:
    sources = [*FILES.values(), *(file.read_text("utf-8") for file in (ROOT / "infra" / "images").glob("*.Dockerfile"))]
    for skip in re.findall(r"#checkov:skip=(.*)", "\n".join(sources)):
        assert re.fullmatch(r"CKV\w+: \S.{20,}", skip), skip
