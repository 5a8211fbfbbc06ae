"""What the tests of every engine build, and what comes of it on this machine."""

from __future__ import annotations

import pytest

from tests.corpora import digests
from tests.pipelines import spark_rig as rig


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return rig.write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def expected(sources: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the same build on this machine."""
    output = tmp_path_factory.mktemp("direct") / "corpus"
    done = rig.build(sources, output, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return digests(output)
