"""The parts of the guardrails: normalising, lexicon, clauses and rules.

Only mechanism lives here. The words, criteria and texts are TOML files in ``assistant/data``;
``assistant.guardrails`` is the public face. Nothing here knows the articles or the index.
"""
