"""Stories that mostly wait for what never comes are told on request only."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "demo: waits long in whole demonstrations; run with -m demo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "demo" in config.option.markexpr:
        return
    slow = pytest.mark.skip(reason="takes minutes: run with -m demo")
    for item in items:
        if item.get_closest_marker("demo"):
            item.add_marker(slow)
