"""What is handed to operators runs as written: its commands exist, its names meet, its rights are few."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from installed import PATIENCE, PROJECT, ROOT
from trainfare.cli.main import cli

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VERSION = PROJECT["version"]
STATE = "/var/lib/trainfare"


def check_command(words):
    """Parse *words* as the command line does, down to the last command, and do nothing."""
    context = cli.make_context("trainfare", list(words))
    while isinstance(command := context.command, click.Group):
        name, inner, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = inner.make_context(name, rest, parent=context)


def documents(path):
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


ALL = {(one["kind"], one["metadata"]["name"]): one for path in MANIFESTS for one in documents(path)}


def pod_of(document):
    """The pod that a document starts, or None."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec")


PODS = {name: pod_of(one) for name, one in ALL.items() if pod_of(one)}
pods = pytest.mark.parametrize("pod", PODS.values(), ids=[name for _, name in PODS])


def test_a_wrong_command_would_be_noticed():
    check_command(["serve", "--port", "1"])
    for wrong in (["serve", "--prot", "1"], ["token", "made"], ["jobs", "run"], ["agents"]):
        with pytest.raises(click.UsageError):
            check_command(wrong)


# --- Kubernetes -------------------------------------------------------------------------------


def test_there_is_a_server_an_agent_per_node_and_a_usage_job():
    assert set(PODS) == {
        ("Deployment", "trainfare"),
        ("DaemonSet", "trainfare-agent"),
        ("CronJob", "trainfare-usage"),
    }


@pods
def test_a_pod_runs_our_image_with_a_command_that_exists(pod):
    for one in pod["containers"]:
        assert one["image"] == f"registry.example/trainfare:{VERSION}"
        assert "command" not in one  # the image's entry point
        check_command(one["args"])


@pods
def test_a_pod_has_no_right_that_it_does_not_need(pod):
    assert pod["automountServiceAccountToken"] is False
    who = pod["securityContext"]
    assert who["runAsNonRoot"] is True
    assert (who["runAsUser"], who["seccompProfile"]) == (10001, {"type": "RuntimeDefault"})
    for one in pod["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(one["resources"]["requests"])
    assert not any("hostPath" in volume for volume in pod.get("volumes", ()))


@pods
def test_a_pods_home_is_a_volume_and_every_mount_has_one(pod):
    there = {volume["name"] for volume in pod["volumes"]}
    for one in pod["containers"]:
        mounts = {mount["mountPath"]: mount["name"] for mount in one["volumeMounts"]}
        assert set(mounts.values()) == there
        home = {each["name"]: each.get("value") for each in one["env"]}["TRAINFARE_HOME"]
        assert home == STATE
        assert mounts[home] == "home"


@pods
def test_what_a_pod_refers_to_is_there_or_is_told(pod):
    told = "\n".join(page.read_text() for page in (ROOT / "docs" / "how-to").glob("*.md"))
    told += "\n".join(path.read_text() for path in MANIFESTS)
    for volume in pod["volumes"]:
        if claim := volume.get("persistentVolumeClaim"):
            assert ("PersistentVolumeClaim", claim["claimName"]) in ALL
        if files := volume.get("configMap"):
            assert ("ConfigMap", files["name"]) in ALL
    for one in pod["containers"]:
        for each in one["env"]:
            if secret := each.get("valueFrom", {}).get("secretKeyRef"):
                made = rf"create secret generic {secret['name']} --from-literal={secret['key']}="
                assert re.search(made, told), made


def test_the_service_leads_to_the_server_that_answers_to_its_names():
    server, service = ALL["Deployment", "trainfare"], ALL["Service", "trainfare"]
    assert service["spec"]["selector"] == server["spec"]["template"]["metadata"]["labels"]
    [container] = PODS["Deployment", "trainfare"]["containers"]
    [port], [open_port] = service["spec"]["ports"], container["ports"]
    assert port["targetPort"] == open_port["name"]
    words = container["args"]
    assert words[words.index("--port") + 1] == str(open_port["containerPort"])
    where = f"{service['metadata']['name']}.{service['metadata']['namespace']}"
    training = documents(ROOT / "examples" / "kubernetes" / "job.yaml")[0]
    clients = [PODS["DaemonSet", "trainfare-agent"], pod_of(training)]
    for pod in clients:
        env = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        assert env["TRAINFARE_SERVER"] == f"http://{where}:{port['port']}"
    text = ALL["ConfigMap", "trainfare-server"]["data"]["server.toml"]
    assert where in json.loads(text.partition("=")[2])


def test_the_server_is_probed_at_routes_that_need_no_token():
    from trainfare.server import health

    [container] = PODS["Deployment", "trainfare"]["containers"]
    asked = {
        name: container[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert asked == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {"/healthz", "/readyz"} <= health.healthz.paths | health.readyz.paths


def test_with_sqlite_there_is_one_server_at_a_time():
    spec = ALL["Deployment", "trainfare"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")


@pytest.mark.long
def test_manifests_meet_the_schemas_of_kubernetes():
    uv = str(Path(sys.executable).with_name("uv"))
    script = str(ROOT / "examples" / "kubernetes_manifests.py")
    done = subprocess.run(
        [uv, "run", "--quiet", "--no-project", "--script", script],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert "all manifests are valid" in done.stdout, done.stderr


# --- systemd ----------------------------------------------------------------------------------


def settings(unit):
    """(section, key) → values, in order."""
    found, section = {}, ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault((section, key), []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_exists_and_keeps_its_state(unit):
    found = settings(unit)
    [started] = found["Service", "ExecStart"]
    program, *words = shlex.split(started)
    assert program == "/opt/trainfare/bin/trainfare"
    check_command(words)
    assert found["Service", "Environment"] == [f"TRAINFARE_HOME={STATE}"]
    assert found["Service", "StateDirectory"][0].split()[0] == Path(STATE).name
    assert found["Service", "Restart"] == ["always"]
    assert found["Install", "WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_a_unit_and_finds_it_little_exposed(unit, need, tmp_path):
    analyze = need("systemd-analyze")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/trainfare/bin/trainfare", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    asked = [analyze, "security", "--no-pager", "--offline=true", "--threshold=30", str(copy)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_agents_unit_limits_nothing_by_which_it_would_measure_the_node():
    keys = {key for _, key in settings(DEPLOY / "systemd" / "trainfare-agent.service")}
    assert not keys & {"CPUQuota", "MemoryMax", "MemoryHigh", "AllowedCPUs", "ProtectClock"}


# --- The image --------------------------------------------------------------------------------


def instructions():
    """(word, what follows) of the Containerfile, a list of stages."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found = [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]
    starts = [at for at, (word, _) in enumerate(found) if word == "FROM"]
    return [
        found[: starts[0]],
        *(found[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)),
    ]


def test_the_image_is_pinned_rootless_and_says_whether_it_is_well():
    head, build, final = instructions()
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-\w+", dict(head)["ARG"])
    assert (build[0][1], final[0][1]) == ("${PYTHON} AS build", "${PYTHON}")
    last = dict(final)
    assert last["USER"] == "10001:10001"
    assert (last["VOLUME"], last["WORKDIR"]) == (STATE, STATE)
    assert f"TRAINFARE_HOME={STATE}" in last["ENV"]
    assert [word for word, _ in final].index("USER") > [word for word, _ in final].index("RUN")
    assert json.loads(last["ENTRYPOINT"]) == ["trainfare"]
    words = json.loads(last["CMD"])
    check_command(words)
    assert words[words.index("--port") + 1] == last["EXPOSE"]
    assert f"http://127.0.0.1:{last['EXPOSE']}/healthz" in last["HEALTHCHECK"]


def test_the_image_is_made_of_files_that_are_here_and_extras_that_exist():
    _, build, final = instructions()
    for word, rest in build:
        if word == "COPY":
            *sources, _ = rest.split()
            assert all((ROOT / one).exists() for one in sources)
    extras = dict(build)["ARG"].removeprefix("EXTRAS=").split(",")
    assert {"server", "postgres"} <= set(extras) <= set(PROJECT["optional-dependencies"])
    assert ("COPY", "--from=build /opt/trainfare /opt/trainfare") in final


def test_every_file_for_operators_is_on_a_page():
    text = "\n".join(page.read_text() for page in (ROOT / "docs" / "how-to").glob("*.md"))
    for path in (*UNITS, *MANIFESTS, DEPLOY / "Containerfile"):
        assert f"](../../{path.relative_to(ROOT)})" in text, path.name
