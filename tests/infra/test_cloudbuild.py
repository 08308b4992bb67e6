"""`cloudbuild.yaml` refers to nothing that is not there, and never leaves a bad release with the traffic."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parents[2]
# https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
BUILT_IN = {"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "COMMIT_SHA", "SHORT_SHA", "LOCATION"}
RUNNERS = {
    "gcr.io/cloud-builders/docker",
    "gcr.io/google.com/cloudsdktool/google-cloud-cli",
    "hashicorp/terraform",
}
IMAGES = ("functions-image", "sockets-image")
DIGEST = re.compile("sha256:[0-9a-f]{64}")


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    entrypoint: str | None = None
    args: list[str]
    waitFor: list[str] | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.args)


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dynamicSubstitutions: bool
    logging: Literal["CLOUD_LOGGING_ONLY"]
    machineType: str
    env: list[str]


class Build(BaseModel):
    model_config = ConfigDict(extra="forbid")

    substitutions: dict[str, str]
    options: Options
    timeout: str
    steps: list[Step]


BUILD = Build.model_validate(yaml.safe_load((ROOT / "cloudbuild.yaml").read_text("utf-8")))
STEPS = {step.id: step for step in BUILD.steps}


def _all_before(name: str) -> set[str]:
    """Every step that has ended when this one begins; a step without `waitFor` waits for all above it."""
    names = list(STEPS)
    waits = STEPS[name].waitFor
    direct = set(names[: names.index(name)]) if waits is None else set(waits) - {"-"}
    return direct.union(*(_all_before(other) for other in direct)) if direct else set()


def test_steps_have_names_of_their_own_and_wait_for_earlier_ones() -> None:
    assert len(STEPS) == len(BUILD.steps)
    names = list(STEPS)
    for step in BUILD.steps:
        assert set(step.waitFor or ()) - {"-"} <= set(names[: names.index(step.id)]), step.id


def test_every_substitution_is_declared_and_used() -> None:
    text = "\n".join(step.text for step in BUILD.steps)
    # `$$` is a dollar of the shell's.
    used = set(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)\}?", text.replace("$$", "")))
    assert used - BUILT_IN == set(BUILD.substitutions)
    assert not re.search(r"\$[a-z0-9]", text.replace("$$", "")), "Cloud Build would take it for a substitution"


@pytest.mark.parametrize("name", [step.id for step in BUILD.steps])
def test_each_step_runs_a_known_kind_of_image_pinned_by_digest(name: str) -> None:
    image, _, digest = STEPS[name].name.partition("@")
    assert image.partition(":")[0] in RUNNERS
    assert DIGEST.fullmatch(digest)


def test_what_the_builder_runs_is_pinned_by_digest_too() -> None:
    [builder] = [argument for argument in STEPS["builder"].args if "image=" in argument]
    lists = [argument for name in IMAGES for argument in STEPS[name].args if "generator=" in argument]
    assert len(lists) == len(IMAGES)
    for argument in (builder, *lists):
        assert DIGEST.fullmatch(argument.partition("@")[2]), argument


def test_one_image_has_one_digest() -> None:
    names = {step.name for step in BUILD.steps}
    assert len(names) == len({re.split("[:@]", name)[0] for name in names})


def test_the_checks_of_a_release_leave_nothing_out() -> None:
    assert {"REQUIRE_AUDIT=1", "REQUIRE_TERRAFORM=1"} <= set(STEPS["check"].text.split())


@pytest.mark.parametrize("name", [step.id for step in BUILD.steps if step.entrypoint in ("bash", "sh")])
def test_each_script_is_one_that_the_shell_can_read(name: str) -> None:
    flags, script = STEPS[name].args
    assert set(flags) >= set("-ceu"), "a failing command must fail the step"
    shell_script = re.sub(r"\$\{(_[A-Z]+)\}", lambda match: BUILD.substitutions[match[1]], script).replace("$$", "$")
    read = subprocess.run(["bash", "-n"], input=shell_script, text=True, capture_output=True, check=False)
    assert read.returncode == 0, read.stderr


def test_every_file_that_a_step_names_is_there_or_made_by_an_earlier_one() -> None:
    makers = {"functions-image.json": "functions-image", "sockets-image.json": "sockets-image"}
    for step in BUILD.steps:
        for path in re.findall(r"(?:infra|terraform|\.ci)/[\w./{}$-]+", step.text):
            for environment in ("staging", "prod"):
                named = path.replace("${_ENVIRONMENT}", environment)
                assert (ROOT / named).exists(), f"{step.id}: {named}"
    for file, maker in makers.items():
        assert f"--metadata-file={file}" in STEPS[maker].args
        assert maker in _all_before("plan")


def test_images_are_built_after_the_checks_with_lists_of_their_parts() -> None:
    for name in IMAGES:
        assert any(argument.startswith("--attest=type=sbom,") for argument in STEPS[name].args)
        assert {"check", "builder"} <= _all_before(name)
        assert {"--provenance=mode=max", "--push"} <= set(STEPS[name].args)


def test_nothing_is_applied_before_what_serves_is_held() -> None:
    assert {"check", "functions-image", "sockets-image", "plan", "hold"} <= _all_before("apply")
    assert "terraform apply release.plan" in STEPS["apply"].text, "what is applied is what was planned"


def test_traffic_moves_last_and_comes_back_when_the_smoke_test_fails() -> None:
    assert {"apply", "smoke-candidate"} <= _all_before("traffic")
    lines = [line.strip() for line in STEPS["traffic"].args[1].splitlines() if line.strip()]
    assert lines[1] == "trap back ERR"
    assert "release.py rollback" in lines[0]
    assert ["promote" in lines[2], "smoke.py" in lines[3]] == [True, True]


def test_the_traffic_script_rolls_back_on_failure(tmp_path: Path) -> None:
    """The step's own script, with a python3 that notes what it is asked and fails as the smoke test would."""
    (tmp_path / "python3").write_text('#!/bin/sh\necho "$2" >>"$NOTES"\ncase "$1" in *smoke*) exit 1;; esac\n', "utf-8")
    (tmp_path / "python3").chmod(0o755)
    script = STEPS["traffic"].args[1].replace("/workspace/url", "/dev/null").replace("$$", "$")
    for name, value in (BUILD.substitutions | {"PROJECT_ID": "p"}).items():
        script = script.replace(f"${{{name}}}", value).replace(f"${name}", value)
    notes = tmp_path / "notes"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NOTES": str(notes)}
    ended = subprocess.run(["bash", "-ceu", script], env=environment, cwd=ROOT, check=False)
    assert ended.returncode != 0
    assert notes.read_text("utf-8").split() == ["promote", "rollback"]


def test_the_candidate_is_asked_only_where_it_has_an_address() -> None:
    script = STEPS["smoke-candidate"].args[1]
    assert shlex.split(script.splitlines()[0])[:4] == ["[", "${_FRONT}", "=", "single"]
