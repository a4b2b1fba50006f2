# `make check` runs what CI runs. The tools are those of the environment that is active.
.PHONY: check format
check:
	ruff format --check .
	ruff check .
	mypy
	python -m pytest

format:
	ruff format .
	ruff check --fix .
