"""``python -m assistant`` is the same as ``knee-hip``."""

from assistant.cli import main

raise SystemExit(main())
