"""Job tags: what to put on a job so that its charges and its claims find their run.

The run id ``[a-z0-9-]{1,63}`` is a valid tag value everywhere. Keys follow each provider's rules:
lower case and underscores pass through every one of them unchanged.
Source: AWS "Tag naming limits", Google Cloud "Requirements for labels", Azure "Tag limitations",
Kubernetes "Labels and Selectors: Syntax", sbatch(1) ``--comment``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id, make_labels

RUN_KEY = "run_id"
"""The key that names the run, in every system."""

_UNSAFE = re.compile(r"[^a-z0-9_-]+")


def job_tags(target: str, run: str, labels: Mapping[str, object] | None = None) -> list[str]:
    r"""Lines to copy into a job's definition for *target*.

    Args:
        target: aws, gcp, azure, kubernetes, slurm or sagemaker.
        run: id of the run.
        labels: the user's own words on it: model, experiment, team …

    Raises:
        BadInput: the target is unknown, or the run or a label is not well-formed.

    >>> print(*job_tags("slurm", "llama-7", {"team": "nlp"}), sep="\n")
    #SBATCH --comment="run_id=llama-7 team=nlp"
    """
    if target not in TARGETS:
        raise BadInput(f"{target!r} is not one of {', '.join(TARGETS)}")
    words = {RUN_KEY: check_run_id(run), **make_labels(labels or {})}
    return TARGETS[target](words)


def _aws(words: Mapping[str, str]) -> list[str]:
    """The ``--tag-specifications`` of run-instances, and the step that makes bills carry tags."""
    tags = ",".join(f"{{Key={key},Value={_quoted(value)}}}" for key, value in words.items())
    kinds = " ".join(f"'ResourceType={kind},Tags=[{tags}]'" for kind in ("instance", "volume"))
    activate = (
        f"once per account, activate the cost allocation tag {RUN_KEY}; the past stays untagged"
    )
    return [f"--tag-specifications {kinds}", f"# {activate}"]


def _quoted(value: str) -> str:
    """A value in the AWS CLI's shorthand, within single quotes of the shell."""
    if re.fullmatch(r"[\w.:/@+-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("'", "'\\''")
    return f'"{escaped}"'


def _gcp(words: Mapping[str, str]) -> list[str]:
    return ["--labels=" + ",".join(f"{_google(k)}={_google(v)}" for k, v in words.items())]


def _google(text: str) -> str:
    """Google's labels: lower-case letters, digits, ``_`` and ``-``, at most 63."""
    return _UNSAFE.sub("-", text.lower())[:63]


def _azure(words: Mapping[str, str]) -> list[str]:
    pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in words.items())
    return [f"--tags {pairs}"]


def _kubernetes(words: Mapping[str, str]) -> list[str]:
    """Pod labels and the variable that the meter reads; values are at most 63 of ``A-Za-z0-9_.-``.

    Raises:
        BadInput: the run id begins or ends with a dash, which Kubernetes does not take.
    """
    run = words[RUN_KEY]
    if run != run.strip("-"):
        raise BadInput(
            f"run id {run!r} begins or ends with '-', which Kubernetes takes in no label; name the "
            "run otherwise"
        )
    lines = ["# in the pod template of the Job", "metadata:", "  labels:"]
    lines += [f"    {key}: {json.dumps(_label(value))}" for key, value in words.items()]
    return [
        *lines,
        "spec:",
        "  containers:",
        "    - env:",
        f"        - {{name: TRAINFARE_RUN_ID, value: {json.dumps(run)}}}",
    ]


def _label(value: str) -> str:
    """A Kubernetes label value: it begins and ends with a letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", value)[:63].strip("-_.")


def _slurm(words: Mapping[str, str]) -> list[str]:
    pairs = " ".join(f"{key}={_bare(value)}" for key, value in words.items())
    return [f'#SBATCH --comment="{pairs}"']


def _bare(value: str) -> str:
    """A value that a comment can hold without quotes or the ``|`` of sacct's columns."""
    return re.sub(r"[\s,;\"'|$`\\]+", "-", value)


def _sagemaker(words: Mapping[str, str]) -> list[str]:
    tags = json.dumps([{"Key": key, "Value": value} for key, value in words.items()])
    return [
        f"Tags={tags},",
        f'Environment={{"TRAINFARE_RUN_ID": {json.dumps(words[RUN_KEY])}}},',
    ]


TARGETS: dict[str, Callable[[Mapping[str, str]], list[str]]] = {
    "aws": _aws,
    "gcp": _gcp,
    "azure": _azure,
    "kubernetes": _kubernetes,
    "slurm": _slurm,
    "sagemaker": _sagemaker,
}
"""System → what its jobs want."""
