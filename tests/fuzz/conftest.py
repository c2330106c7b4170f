"""Real peers for the fuzz tests; the logs of those that a failed test has started are shown."""

from tests.interop.conftest import peers, pytest_runtest_makereport

__all__ = ["peers", "pytest_runtest_makereport"]
