"""How the reader of messages is trained; nothing of it is needed to run the assistant.

`python -m training` learns from ``training/messages`` and writes ``assistant/data/reader.*``.
"""
