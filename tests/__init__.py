"""The tests; a package, so that `tests.fakes.NAME` and `tests.conftest` mean one module everywhere."""
